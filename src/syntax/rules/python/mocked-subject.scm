; patch("subject.x"), mock.patch("subject.x"), mocker.patch("subject.x"); as a decorator, too
((call
  function: [(identifier) @patch (attribute attribute: (identifier) @patch)]
  arguments: (argument_list . (string) @target)) @finding
  (#eq? @patch "patch")
  (#of-subject? @target))

; patch.object(subject.Class, "x"), patch.multiple("subject", ...), mocker.patch.object(...)
((call
  function: (attribute object: (_) @patch attribute: (identifier) @how)
  arguments: (argument_list . (_) @target)) @finding
  (#match? @patch "(^|\\.)patch$")
  (#any-of? @how "object" "multiple")
  (#of-subject? @target))

; patch.dict("sys.modules", {"subject": ...})
((call
  function: (attribute object: (_) @patch attribute: (identifier) @how)
  arguments: (argument_list . (_) @modules (dictionary (pair key: (string) @target)))) @finding
  (#match? @patch "(^|\\.)patch$")
  (#eq? @how "dict")
  (#match? @modules "^['\"]?sys\\.modules['\"]?$")
  (#of-subject? @target))

; monkeypatch.setattr("subject.x", ...), monkeypatch.setattr(subject, "x", ...), monkeypatch.delattr(...)
((call
  function: (attribute object: (_) @monkeypatch attribute: (identifier) @how)
  arguments: (argument_list . (_) @target)) @finding
  (#match? @monkeypatch "(?i)monkeypatch$|^mp$")
  (#any-of? @how "setattr" "delattr")
  (#of-subject? @target))

; monkeypatch.setitem(sys.modules, "subject", ...)
((call
  function: (attribute attribute: (identifier) @how)
  arguments: (argument_list . (attribute) @modules . (string) @target)) @finding
  (#any-of? @how "setitem" "delitem")
  (#eq? @modules "sys.modules")
  (#of-subject? @target))

; sys.modules["subject"] = ...
((assignment
  left: (subscript value: (attribute) @modules subscript: (string) @target)) @finding
  (#eq? @modules "sys.modules")
  (#of-subject? @target))

; subject.Class = MagicMock()
((assignment
  left: (attribute) @target
  right: (call function: (_) @mock)) @finding
  (#match? @mock "(^|\\.)(Magic|Async|NonCallable|NonCallableMagic|Property)?Mock$|(^|\\.)create_autospec$")
  (#of-subject? @target))

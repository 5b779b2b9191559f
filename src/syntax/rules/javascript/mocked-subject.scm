; jest.mock("subject"), vi.mock("subject"), mock.module("subject"), jest.unstable_mockModule("subject")
((call_expression
  function: (member_expression object: (_) @runner property: (property_identifier) @mock)
  arguments: (arguments . (string) @target)) @finding
  (#match? @runner "^(jest|vi|vitest|mock|td)$")
  (#any-of? @mock "mock" "doMock" "setMock" "unstable_mockModule" "module" "replace" "replaceEsm")
  (#of-subject? @target))

; vi.mock(import("subject"))
((call_expression
  function: (member_expression object: (_) @runner property: (property_identifier) @mock)
  arguments: (arguments . (call_expression function: (import) arguments: (arguments . (string) @target)))) @finding
  (#match? @runner "^(jest|vi|vitest)$")
  (#any-of? @mock "mock" "doMock")
  (#of-subject? @target))

; sinon.stub(subject, "x"), sandbox.replace(subject, "x", ...), mock.method(subject, "x")
((call_expression
  function: (member_expression object: (_) @sinon property: (property_identifier) @stub)
  arguments: (arguments . [(identifier) (member_expression)] @target)) @finding
  (#match? @sinon "^(sinon|sandbox|mock|t\\.mock)$")
  (#any-of? @stub "stub" "replace" "mock" "method")
  (#of-subject? @target))

; jest.spyOn(subject, "x").mockReturnValue(...); a spy alone calls the real one
((call_expression
  function: (member_expression
    object: (call_expression
      function: (member_expression property: (property_identifier) @spy)
      arguments: (arguments . (_) @target))
    property: (property_identifier) @mock)) @finding
  (#eq? @spy "spyOn")
  (#match? @mock "^mock")
  (#of-subject? @target))

; subject.x = jest.fn()
((assignment_expression
  left: (member_expression) @target
  right: (call_expression function: (_) @mock)) @finding
  (#match? @mock "^(jest|vi)\\.fn$|^sinon\\.(stub|fake)$")
  (#of-subject? @target))

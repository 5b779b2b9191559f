; #[double] use subject::Client; (mockall_double)
((attribute_item (attribute (_) @double)) . (use_declaration argument: (_) @target) @finding
  (#match? @double "^(mockall_double::)?double$")
  (#of-subject? @target))

; use subject::MockClient;
((use_declaration argument: (scoped_identifier path: (_) @target name: (identifier) @mock)) @finding
  (#match? @mock "^Mock[A-Z]")
  (#of-subject? @target))

; mock! { ... impl subject::Client for ... }
((macro_invocation macro: (_) @mock (token_tree (identifier) @target)) @finding
  (#match? @mock "^(mockall::)?mock$")
  (#of-subject? @target))

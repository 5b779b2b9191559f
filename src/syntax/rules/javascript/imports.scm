; Which names a file has from which package.
(import_statement (import_clause (identifier) @name) source: (string) @module)
(import_statement (import_clause (namespace_import (identifier) @name)) source: (string) @module)
(import_statement
  (import_clause (named_imports (import_specifier !alias name: (identifier) @name)))
  source: (string) @module)
(import_statement
  (import_clause (named_imports (import_specifier alias: (identifier) @name)))
  source: (string) @module)
((variable_declarator
  name: [(identifier) @name (object_pattern (shorthand_property_identifier_pattern) @name)]
  value: (call_expression function: (identifier) @require arguments: (arguments . (string) @module)))
  (#eq? @require "require"))
(variable_declarator
  name: [(identifier) @name (object_pattern (shorthand_property_identifier_pattern) @name)]
  value: (await_expression (call_expression function: (import) arguments: (arguments . (string) @module))))

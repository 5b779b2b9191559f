; Which names a file has from which package.
(import_statement name: (dotted_name . (identifier) @name) @module)
(import_statement name: (aliased_import name: (dotted_name) @module alias: (identifier) @name))
(import_from_statement module_name: (dotted_name) @module name: (dotted_name . (identifier) @name))
(import_from_statement
  module_name: (dotted_name) @module
  name: (aliased_import alias: (identifier) @name))

; Which names a file has from which crate.
(use_declaration argument: (scoped_identifier path: (_) @module name: (identifier) @name))
(use_declaration argument: (scoped_use_list path: (_) @module list: (use_list (identifier) @name)))
(use_declaration argument: (use_as_clause path: (_) @module alias: (identifier) @name))

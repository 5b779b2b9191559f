; $METRIC stands for a metric's name, $RANDOM for an expression that begins with a random number (built_in.rs).
; const latency = Math.random();
((variable_declarator name: (identifier) @name value: (_) @value) @finding
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; this.latency = Math.random();
((assignment_expression left: (_) @name right: (_) @value) @finding
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; { latency: Math.random() * 100 }
((pair key: [(property_identifier) (string)] @name value: (_) @value) @finding
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; record("accuracy", Math.random())
((call_expression
  function: (_) @record
  arguments: (arguments [(string) (template_string)] @name . (_) @value)) @finding
  (#match? @record "(?i)record|log|report|metric|track|emit|observe")
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; function accuracy() { return Math.random(); }
((function_declaration
  name: (identifier) @name
  body: (statement_block (return_statement (_) @value) @finding))
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; const accuracy = () => Math.random();
((variable_declarator name: (identifier) @name value: (arrow_function body: (_) @value)) @finding
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; expect(Math.random()).toBeLessThan(1)
((call_expression function: (identifier) @expect arguments: (arguments . (_) @value)) @finding
  (#any-of? @expect "expect" "assert")
  (#match? @value "$RANDOM")
  (#set! message "this assertion is about a random number and tests nothing; assert on what the code gives"))

; assert.ok(Math.random() < 0.5)
((call_expression
  function: (member_expression object: (identifier) @assert)
  arguments: (arguments (_) @value)) @finding
  (#eq? @assert "assert")
  (#match? @value "$RANDOM")
  (#set! message "this assertion is about a random number and tests nothing; assert on what the code gives"))

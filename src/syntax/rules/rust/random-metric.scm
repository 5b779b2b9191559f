; $METRIC stands for a metric's name, $RANDOM for an expression that begins with a random number (built_in.rs).
; let latency = rand::random::<f64>();
((let_declaration pattern: (identifier) @name value: (_) @value) @finding
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; Report { accuracy: rng.random_range(0.0..1.0) }
((field_initializer field: (field_identifier) @name value: (_) @value) @finding
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; report.latency = rand::random();
((assignment_expression left: (_) @name right: (_) @value) @finding
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; fn accuracy() -> f64 { rand::random() }
((function_item name: (identifier) @name body: (block (_) @value .)) @finding
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; record("latency", rand::random())
((call_expression
  function: (_) @record
  arguments: (arguments (string_literal) @name . (_) @value)) @finding
  (#match? @record "(?i)record|log|report|metric|track|emit|observe|insert")
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; assert!(rand::random::<f64>() < 0.5)
((macro_invocation macro: (identifier) @assert (token_tree) @value) @finding
  (#match? @assert "^(debug_)?assert")
  (#match? @value "$RANDOM")
  (#set! message "this assertion is about a random number and tests nothing; assert on what the code gives"))

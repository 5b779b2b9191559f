; $METRIC stands for a metric's name, $RANDOM for an expression that begins with a random number (built_in.rs).
; Values that begin with a random number, perhaps after arithmetic or a rounding. Random inputs are fine:
; `accuracy = evaluate(model, np.random.rand(3))` is not found.

; accuracy = random.random(); self.latency = ...; metrics["loss"] = ...
((assignment left: (_) @name right: (_) @value) @finding
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; {"latency": random.uniform(1, 2)}
((pair key: (string) @name value: (_) @value) @finding
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; record(accuracy=random.random())
((keyword_argument name: (identifier) @name value: (_) @value) @finding
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; log_metric("accuracy", random.random())
((call
  function: (_) @record
  arguments: (argument_list (string) @name . (_) @value)) @finding
  (#match? @record "(?i)record|log|report|metric|track|emit|observe|scalar|property")
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; def accuracy(): return random.random()
((function_definition
  name: (identifier) @name
  body: (block (return_statement (_) @value) @finding))
  (#match? @name "$METRIC")
  (#match? @value "$RANDOM"))

; assert random.random() < 0.5
((assert_statement . (_) @value) @finding
  (#match? @value "$RANDOM")
  (#set! message "this assertion is about a random number and tests nothing; assert on what the code gives"))

; self.assertLess(random.random(), 0.5)
((call
  function: (attribute attribute: (identifier) @assert)
  arguments: (argument_list (_) @value)) @finding
  (#match? @assert "^assert")
  (#match? @value "$RANDOM")
  (#set! message "this assertion is about a random number and tests nothing; assert on what the code gives"))

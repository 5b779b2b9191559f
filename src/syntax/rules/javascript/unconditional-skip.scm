; it.skip("..."), describe.skip("..."); test.skip(condition, "...") has a condition
((call_expression
  function: (member_expression object: (_) @test property: (property_identifier) @skip)
  arguments: (arguments . [(string) (template_string)])) @finding
  (#match? @test "^(it|test|describe|suite|context|specify|bench)(\\.(concurrent|sequential|only|describe))*$")
  (#eq? @skip "skip"))

; it.skip.each(table)("...")
((member_expression
  object: (member_expression object: (identifier) @test property: (property_identifier) @skip)) @finding
  (#any-of? @test "it" "test" "describe" "suite" "context" "specify" "bench")
  (#eq? @skip "skip"))

; xit("..."), xdescribe("...")
((call_expression
  function: (identifier) @skip
  arguments: (arguments . [(string) (template_string)])) @finding
  (#any-of? @skip "xit" "xtest" "xdescribe" "xcontext" "xspecify"))

; it("...", { skip: true }, ...)
((call_expression
  function: (identifier) @test
  arguments: (arguments
    . [(string) (template_string)]
    . (object (pair key: (property_identifier) @skip value: [(true) (string)]) @finding)))
  (#any-of? @test "it" "test" "describe")
  (#eq? @skip "skip"))

; this.skip() as the first statement of a test
((call_expression
  function: (identifier) @test
  arguments: (arguments
    [(arrow_function body: (statement_block
        . (expression_statement (call_expression function: (member_expression) @skip arguments: (_) @args)) @finding))
     (function_expression body: (statement_block
        . (expression_statement (call_expression function: (member_expression) @skip arguments: (_) @args)) @finding))]))
  (#any-of? @test "it" "test" "specify")
  (#match? @skip "^(this|ctx|context|t|test|it)\\.skip$")
  (#match? @args "^\\(\\s*(\\)|['\"`])"))

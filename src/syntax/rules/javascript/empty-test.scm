; A test of no statement, or of assertions on constants.
((call_expression
  function: (_) @test
  arguments: (arguments
    . [(string) (template_string)]
    [(arrow_function body: (statement_block) @body) (function_expression body: (statement_block) @body)])) @finding
  (#match? @test "^(it|test|specify)(\\.(only|concurrent|sequential|failing|fails))*(\\.each\\b|$)")
  (#only? @body
    "empty_statement"
    "^expect\\(\\s*(true|false|null|\\d+|'\\w*'|\"\\w*\")\\s*\\)(\\.not)?\\.\\w[\\w.]*(\\(\\s*(true|false|null|\\d+|'\\w*'|\"\\w*\")?\\s*\\))?;?$"
    "^assert(\\.\\w+)?\\(\\s*(true|1)\\s*(,\\s*(true|1|'[^']*'|\"[^\"]*\"))?\\s*\\);?$"
    "^done\\(\\);?$"
    "^return;?$"))

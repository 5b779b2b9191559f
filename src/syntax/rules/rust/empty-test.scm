; A test of no statement, or of assertions on constants.
((attribute_item (attribute . [(identifier) (scoped_identifier)] @test))
  . [(attribute_item) (line_comment) (block_comment)]*
  . (function_item body: (block) @body) @finding
  (#match? @test "^(\\w+::)*(test|rstest)$")
  (#only? @body
    "empty_statement"
    "unit_expression"
    "^assert!\\(\\s*true\\s*[,)]"
    "^assert_eq!\\(\\s*(true|\\d+)\\s*,\\s*(true|\\d+)\\s*\\);?$"
    "^return;?$"
    "^Ok\\(\\(\\)\\)$"))

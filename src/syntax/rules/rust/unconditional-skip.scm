; #[ignore], #[ignore = "reason"]; #[cfg_attr(condition, ignore)] has a condition
((attribute_item (attribute . (identifier) @ignore)) @finding
  (#eq? @ignore "ignore"))

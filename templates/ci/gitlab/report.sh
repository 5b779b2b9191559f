backsight publish ${BACKSIGHT_LEG:+--leg "$BACKSIGHT_LEG"}
backsight report latest --format junit > junit.xml
backsight report latest --format openmetrics > metrics.txt
backsight report latest --format codequality > gl-code-quality-report.json
backsight report latest --format job-links > links.json

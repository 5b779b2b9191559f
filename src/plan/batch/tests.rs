//! Numbers to files and back.

use std::sync::Arc;

use minijinja::Value;
use serde_json::json;

use super::{Axes, Batch, BatchFacts, Cell, Expander, LeftOut, Product};
use crate::pipeline::{Command, Ladder, Model};
use crate::plan::{Invocation, Rows};
use crate::results::Reason;
use crate::templating::engine;

fn model(id: &str) -> Model {
    serde_json::from_value(json!({ "id": id, "layers": id.len() })).unwrap()
}

fn batch(output: &str) -> Batch {
    Batch {
        step: "pages".into(),
        completion: None,
        products: vec![Product { template: "page.j2".into(), output: output.into(), when: None, many_to_one: false }],
        set: None,
        axes: Axes {
            models: Some(Arc::new(vec![model("a"), model("bb")])),
            targets: vec!["cpu".into(), "cuda".into()],
            left_out: vec![None; 4],
            matrix: vec![("opset".into(), vec![json!(17), json!(18)]), ("kind".into(), vec![json!("x")])],
            rows: Some(Arc::new(Rows::csv("name\nr\ns\nt\n".into()).unwrap())),
            prompts: false,
        },
        with: serde_json::Map::new(),
        data: serde_json::Map::new(),
        when: None,
        ladder: Ladder::default(),
        plain: false,
        shell: None,
        facts: BatchFacts { run_id: "1".into(), ..BatchFacts::default() },
        sums: (0, 0),
    }
}

fn cells(batch: &Batch) -> Vec<Cell> {
    let expander = Expander::new(batch, engine(), &Value::UNDEFINED).unwrap();
    (0..batch.len()).map(|number| expander.cell(number).unwrap()).collect()
}

const ALL: &str = "{{ model.id }}/{{ target }}-{{ matrix.opset }}{{ matrix.kind }}{{ row.name }}";

#[test]
fn each_number_is_a_file_of_its_own() {
    let batch = batch(ALL);
    let paths: Vec<String> = cells(&batch).into_iter().map(|cell| cell.path).collect();
    assert_eq!(paths.len(), 24);
    assert_eq!(paths[..4], ["a/cpu-17xr", "a/cpu-17xs", "a/cpu-17xt", "a/cpu-18xr"]);
    assert_eq!(paths[23], "bb/cuda-18xt");
    let mut unique = paths.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 24);
}

#[test]
fn a_context_has_a_digest_of_its_own_and_the_run_is_no_part_of_it() {
    let first = batch(ALL);
    let mut digests: Vec<_> = cells(&first).iter().map(|cell| cell.digest).collect();
    let other = Batch { facts: BatchFacts { run_id: "2".into(), ..BatchFacts::default() }, ..first.clone() };
    assert_eq!(digests, cells(&other).iter().map(|cell| cell.digest).collect::<Vec<_>>());
    let changed = Batch { data: json!({ "d": 1 }).as_object().unwrap().clone(), ..first };
    assert!(cells(&changed).iter().all(|cell| !digests.contains(&cell.digest)));
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 24);
}

#[test]
fn what_is_left_out_says_why() {
    let mut batch = Batch { when: Some("matrix.opset > 17 and not ci".into()), ..batch(ALL) };
    let rule = LeftOut { reason: Reason::new("unsupported_op", "no Einsum"), everywhere: true };
    batch.axes.left_out[3] = Some(rule);
    batch.facts.job = json!({ "ci": false }).as_object().unwrap().clone();
    let cells = cells(&batch);
    let codes: Vec<&str> =
        cells.iter().map(|cell| cell.left_out.as_ref().map_or("", |left_out| left_out.reason.code.as_str())).collect();
    assert_eq!(codes.iter().filter(|code| code.is_empty()).count(), 9);
    assert_eq!(codes[18..], ["unsupported_op"; 6]);
    assert_eq!(codes[0], "condition_false");
    // A file cannot depend on who makes it.
    let outside = Batch { products: vec![Product { output: "{{ ci }}".into(), ..batch.products[0].clone() }], ..batch };
    let expander = Expander::new(&outside, engine(), &Value::UNDEFINED).unwrap();
    assert!(expander.cell(4).unwrap_err().to_string().contains("undefined"));
}

#[test]
fn one_file_of_all_sees_the_others() {
    let mut batch = batch(ALL);
    batch.products.push(Product {
        template: "index.j2".into(),
        output: "index-{{ items | length }}.md".into(),
        when: None,
        many_to_one: true,
    });
    assert_eq!(batch.len(), 25);
    let cells = cells(&batch);
    assert_eq!(cells[24].path, "index-24.md");
    let items = cells[24].values.get_attr("items").unwrap();
    let last = items.get_item(&Value::from(23)).unwrap();
    assert_eq!(last.get_attr("output").unwrap().as_str(), Some("bb/cuda-18xt"));
}

#[test]
fn an_error_says_for_what() {
    let batch = batch("{{ model.nothing }}");
    let expander = Expander::new(&batch, engine(), &Value::UNDEFINED).unwrap();
    let error = expander.cell(13).unwrap_err();
    assert_eq!((error.what, error.for_what.as_str()), ("output", "model bb, target cpu, opset 17, kind x, row 2"));
}

#[test]
fn commands_see_the_file() {
    let batch = batch(ALL);
    let expander = Expander::new(&batch, engine(), &Value::UNDEFINED).unwrap();
    let cell = expander.cell(23).unwrap();
    let command = Command::Args(vec!["check".into(), "{{ output }}".into(), "{{ model.layers }}".into()]);
    let words = ["check", "bb/cuda-18xt", "2"].map(str::to_owned).to_vec();
    assert_eq!(expander.command(&command, &cell), Ok(Invocation::Args(words)));
}

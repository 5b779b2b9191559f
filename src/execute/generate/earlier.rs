//! What templates see of earlier generations: `generated["NAME"]`, a list with what each file was made of and its `output`.

use std::sync::{Arc, OnceLock};

use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use crate::plan::{Batch, Expander, Item, Plan, Work};
use crate::templating::engine;

/// The generations that a step needs, worked out when a template asks for them.
#[derive(Debug)]
struct Earlier {
    steps: Vec<(String, Arc<Batch>, OnceLock<Value>)>,
}

/// What the templates of an entry see as `generated`.
pub(super) fn of(item: &Item, plan: &Plan) -> Value {
    let needed = item.needs.iter().filter_map(|at| plan.items.get(*at));
    let steps = needed.filter_map(|item| match &item.work {
        Work::Generate(batch) => Some((item.name.clone(), batch.clone(), OnceLock::new())),
        Work::Test { .. } | Work::Benchmark(_) => None,
    });
    Value::from_object(Earlier { steps: steps.collect() })
}

fn files(batch: &Arc<Batch>) -> Value {
    // Its templates were understood when the plan was made.
    let Ok(expander) = Expander::new(batch, engine(), &Value::UNDEFINED) else {
        return Value::from(Vec::<Value>::new());
    };
    let cells = (0..batch.len()).filter_map(|number| expander.cell(number).ok());
    Value::from(cells.filter(|cell| cell.left_out.is_none()).map(|cell| cell.values).collect::<Vec<_>>())
}

impl Object for Earlier {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let (_, batch, known) = self.steps.iter().find(|(name, ..)| name == key)?;
        Some(known.get_or_init(|| files(batch)).clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.steps.iter().map(|(name, ..)| Value::from(name.as_str())).collect())
    }
}

//! ONNX files of a few bytes, made by hand.

fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        bytes.push(if value > 0 { low | 0x80 } else { low });
        if value == 0 {
            return bytes;
        }
    }
}

fn field(tag: u64, body: &[u8]) -> Vec<u8> {
    [number(tag << 3 | 2), number(body.len() as u64), body.to_vec()].concat()
}

fn scalar(tag: u64, value: u64) -> Vec<u8> {
    [number(tag << 3), number(value)].concat()
}

/// A model whose weights are in a file of their own, of so many numbers: the fewest bytes that say so.
pub(crate) fn with_weights(location: &str, count: u64) -> Vec<u8> {
    let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
    let weight = [scalar(1, count), scalar(2, 1), field(8, b"w"), field(13, &entry), scalar(14, 1)].concat();
    let graph = [field(5, &weight)].concat();
    [scalar(1, 8), field(7, &graph)].concat()
}

/// The type of a value: a tensor of 32-bit numbers with one dimension.
fn of_floats(name: &str, size: u64) -> Vec<u8> {
    let shape = field(1, &scalar(1, size));
    let tensor = [scalar(1, 1), field(2, &shape)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

/// A model that adds its input to eight weights of this type (1 for 32-bit floating point, 10 for 16-bit), all zero.
pub(crate) fn that_adds(kind: u64) -> Vec<u8> {
    let bytes = if kind == 10 { 16 } else { 32 };
    let weights = [scalar(1, 8), scalar(2, kind), field(8, b"w"), field(9, &vec![0; bytes])].concat();
    let node = [field(1, b"x"), field(1, b"w"), field(2, b"y"), field(4, b"Add")].concat();
    let value = |name: &str| {
        let tensor = [scalar(1, kind), field(2, &field(1, &scalar(1, 8)))].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
    };
    let graph =
        [field(1, &node), field(2, b"adds"), field(5, &weights), field(11, &value("x")), field(12, &value("y"))];
    [scalar(1, 8), field(7, &graph.concat()), field(8, &scalar(2, 17))].concat()
}

/// A model of a hundred bytes that makes so many 32-bit numbers of one, adds all of them to themselves and then keeps
/// their sum.
pub(crate) fn that_grows(count: u64) -> Vec<u8> {
    let node = |inputs: &[&str], output: &str, operator: &str| {
        let inputs: Vec<u8> = inputs.iter().flat_map(|name| field(1, name.as_bytes())).collect();
        [inputs, field(2, output.as_bytes()), field(4, operator.as_bytes())].concat()
    };
    let shape = [scalar(1, 1), scalar(2, 7), field(8, b"shape"), field(9, &count.to_le_bytes())].concat();
    let nodes = [
        node(&["x", "shape"], "wide", "Expand"),
        node(&["wide", "wide"], "twice", "Add"),
        node(&["twice"], "y", "ReduceSum"),
    ];
    let graph = [
        nodes.iter().flat_map(|node| field(1, node)).collect(),
        field(2, b"grows"),
        field(5, &shape),
        field(11, &of_floats("x", 1)),
        field(12, &of_floats("y", 1)),
    ]
    .concat();
    [scalar(1, 8), field(7, &graph), field(8, &scalar(2, 17))].concat()
}

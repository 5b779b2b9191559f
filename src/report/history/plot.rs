//! A series drawn with braille characters: two by four dots to a character, one dot for each point.

use crate::report::figures;
use crate::results::SeriesHistory;

/// Rows of characters.
const ROWS: usize = 8;
/// Narrower than this, nothing can be seen.
const NARROWEST: usize = 20;
/// The first braille character; its bits are the dots.
const BRAILLE: u32 = 0x2800;
/// The bits of the dots of a character, by column and row.
const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// Draws a series within `width` columns: values over points, with a row of marks below. A change for the worse is
/// marked `▲`, one for the better `▼`, an accepted one `△` or `▽`. Empty for a series without points.
pub fn plot(series: &SeriesHistory, width: usize) -> String {
    let values: Vec<f64> = series.points.iter().map(|point| point.value).filter(|value| value.is_finite()).collect();
    let Some(scale) = Scale::of(&values) else { return String::new() };
    let labels = [figures::value(scale.high, &series.unit), figures::value(scale.low, &series.unit)];
    let margin = labels.iter().map(|label| label.chars().count()).max().unwrap_or_default();
    let columns = width.saturating_sub(margin + 3).max(NARROWEST);
    let mut cells = vec![[0_u32; ROWS]; columns];
    for (nth, value) in values.iter().enumerate() {
        let (x, y) = (across(nth, values.len(), columns * 2), scale.down(*value));
        let dot = DOTS.get(x % 2).and_then(|column| column.get(y % 4)).copied().unwrap_or_default();
        if let Some(cell) = cells.get_mut(x / 2).and_then(|column| column.get_mut(y / 4)) {
            *cell |= dot;
        }
    }
    let marks = marks(series, values.len(), columns);
    let mut text = String::new();
    for row in 0..ROWS {
        let label = match row {
            0 => labels[0].as_str(),
            last if last == ROWS - 1 => labels[1].as_str(),
            _ => "",
        };
        let pad = margin.saturating_sub(label.chars().count());
        let tick = if label.is_empty() { '│' } else { '┤' };
        let drawn: String = cells.iter().zip(&marks).map(|(cell, mark)| character(cell[row], *mark)).collect();
        text.push_str(&format!("{:pad$}{label} {tick}{}\n", "", drawn.trim_end()));
    }
    let below: String = marks.iter().map(|mark| mark.unwrap_or('─')).collect();
    text.push_str(&format!("{:margin$} └{below}\n", ""));
    text
}

fn character(dots: u32, mark: Option<char>) -> char {
    match (dots, mark) {
        (0, Some(_)) => '┊',
        (0, None) => ' ',
        (dots, _) => char::from_u32(BRAILLE + dots).unwrap_or('?'),
    }
}

/// The place of the nth of `n` things on a line of `room` places.
const fn across(nth: usize, n: usize, room: usize) -> usize {
    if n < 2 { 0 } else { nth * (room - 1) / (n - 1) }
}

fn marks(series: &SeriesHistory, points: usize, columns: usize) -> Vec<Option<char>> {
    let mut marks = vec![None; columns];
    for change in &series.changes {
        let mark = match (change.worse, change.accepted.is_some()) {
            (true, false) => '▲',
            (false, false) => '▼',
            (true, true) => '△',
            (false, true) => '▽',
        };
        let column = across(change.index as usize, points, columns * 2) / 2;
        if let Some(slot) = marks.get_mut(column) {
            *slot = Some(mark);
        }
    }
    marks
}

/// The values of the first and last row of dots.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(values: &[f64]) -> Option<Self> {
        let low = values.iter().copied().min_by(f64::total_cmp)?;
        let high = values.iter().copied().max_by(f64::total_cmp)?;
        Some(Self { low, high })
    }

    /// The row of dots of a value, from the top.
    fn down(&self, value: f64) -> usize {
        let most = (ROWS * 4 - 1) as f64;
        // Halves, so that values at both ends of the range do not overflow.
        let share = (self.high / 2.0 - value / 2.0) / (self.high / 2.0 - self.low / 2.0);
        // All equal: a line in the middle.
        if share.is_finite() { (share * most).round().clamp(0.0, most) as usize } else { ROWS * 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::plot;
    use crate::report::history::svg::sample;

    #[test]
    fn a_step_is_seen_with_its_mark() {
        let drawn = plot(&sample(&[(10.0, 30), (20.0, 30)]), 48);
        let expected = "\
20.0 ns ┤                   ⠉⠉⠈⠉⠈⠉⠁⠉⠉⠈⠉⠈⠉⠁⠉⠉⠈⠉⠈
        │                   ┊
        │                   ┊
        │                   ┊
        │                   ┊
        │                   ┊
        │                   ┊
10.0 ns ┤⣀⣀⢀⣀⡀⣀⣀⢀⣀⢀⣀⡀⣀⣀⢀⣀⢀⣀⡀┊
        └───────────────────▲──────────────────
";
        assert_eq!(drawn, expected);
        assert!(drawn.lines().all(|line| line.chars().count() <= 48));
    }

    #[test]
    fn odd_series_are_drawn_without_harm() {
        assert_eq!(plot(&sample(&[]), 80), "");
        for values in [vec![(5.0, 1)], vec![(0.0, 40)], vec![(-1e308, 1), (1e308, 1)], vec![(f64::NAN, 2), (1.0, 1)]] {
            let drawn = plot(&sample(&values), 3);
            assert_eq!(drawn.lines().count(), 9, "{drawn}");
        }
    }
}

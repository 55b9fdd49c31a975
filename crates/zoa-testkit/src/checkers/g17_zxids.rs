//! G-17: zxids rise along the log, one for each write, and the epoch rises exactly with the term.
//!
//! Looks at acknowledged writes alone: their zxids against the positions and terms of their entries.

use super::Case;
use super::Violation;
use crate::op::hex;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    let mut seen: Vec<(u64, u64, i64)> = Vec::new();
    for (id, _, call) in case.history.calls() {
        let (Some((_, zxid, _)), Some((entry, _))) = (call.reply(), case.replayed.step_of(id))
        else {
            continue;
        };
        if call.op.is_write() && zxid > 0 {
            seen.push((entry.index, entry.term, zxid));
        }
    }
    seen.sort_unstable();
    for (before, after) in seen.iter().zip(seen.iter().skip(1)) {
        let ((_, term, zxid), (index, next_term, next_zxid)) = (*before, *after);
        let epoch_up = next_zxid >> 32 > zxid >> 32;
        let counter_full = zxid & 0xffff_ffff == 0xffff_ffff;
        if next_zxid <= zxid {
            let what = format!(
                "entry {index} has zxid {}, one before it {}",
                hex(next_zxid),
                hex(zxid)
            );
            violations.push(Violation::new("G-17", what));
        } else if epoch_up != (next_term > term) && !(epoch_up && counter_full) {
            let what = format!(
                "entry {index} of term {next_term} has zxid {}, one of term {term} before it {}",
                hex(next_zxid),
                hex(zxid)
            );
            violations.push(Violation::new("G-17", what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;

    #[test]
    fn a_new_epoch_with_a_new_term_is_accepted() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        scene.next_term();
        scene.create(one, "/b");
        scene.accepts();
    }

    #[test]
    fn a_zxid_used_twice_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        let first = scene.create(one, "/a");
        let second = scene.create(one, "/b");
        scene.tamper_zxid(second, scene.zxid_of(first));
        scene.rejects("G-17");
    }
}

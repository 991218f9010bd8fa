//! The run: opens the calls, has each send every 20 ms on an absolute schedule, spread over the 20 ms,
//! and says at the end what was measured.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::spawn_local;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::call::Call;
use crate::format::{Format, TICK};
use crate::manner::Manner;
use crate::options::Options;
use crate::report::Report;
use crate::speech::{Script, read_wav};

/// Sends of a tick are spread over this many turns of the wheel.
const SLOTS: usize = 20;
const FAREWELL: Duration = Duration::from_millis(1_500);

/// What all calls share.
pub(crate) struct World {
    /// What the command line says.
    pub(crate) options: Rc<Options>,
    /// What is measured.
    pub(crate) report: RefCell<Report>,
    /// Whether all callers have called.
    pub(crate) opened: Cell<bool>,
    /// Whether it is measured at the moment.
    pub(crate) measuring: Cell<bool>,
    /// Whether the run is over: calls that end now do so because of it.
    pub(crate) over: Cell<bool>,
    /// How many calls are open.
    pub(crate) open: Cell<usize>,
    scripts: RefCell<BTreeMap<Format, Rc<Script>>>,
    speech: Vec<i16>,
    seed: Cell<u64>,
}

impl World {
    /// What is said in a format.
    pub(crate) fn script(&self, format: Format) -> Rc<Script> {
        let mut scripts = self.scripts.borrow_mut();
        let script = || Rc::new(Script::new(format, &self.speech));
        Rc::clone(scripts.entry(format).or_insert_with(script))
    }

    /// A number below another; the same ones in each run.
    pub(crate) fn random(&self, below: u64) -> u64 {
        let mut seed = self.seed.get();
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        self.seed.set(seed);
        (seed >> 11) % below.max(1)
    }

    /// Change what is measured of a manner, if it is measured at the moment.
    pub(crate) fn measure(&self, manner: Manner, change: impl FnOnce(&mut Report)) {
        if self.measuring.get() || manner.ends_calls() {
            change(&mut self.report.borrow_mut());
        }
    }
}

/// Hold all calls; returns the report.
pub(crate) async fn run(options: Rc<Options>) -> Result<Value, String> {
    let speech = options.speech.as_deref().map(read_wav).transpose()?.unwrap_or_default();
    let world = Rc::new(World {
        options: Rc::clone(&options),
        report: RefCell::default(),
        opened: Cell::new(false),
        measuring: Cell::new(false),
        over: Cell::new(false),
        open: Cell::new(0),
        scripts: RefCell::default(),
        speech,
        seed: Cell::new(0x9e37_79b9_7f4a_7c15),
    });
    let slots: Rc<RefCell<Vec<Vec<Rc<Call>>>>> = Rc::new(RefCell::new(vec![Vec::new(); SLOTS]));
    let sending = spawn_local(turn(Rc::clone(&world), Rc::clone(&slots)));

    let between = Duration::from_secs_f64(1.0 / options.connect_rate);
    let mut opening = interval(between);
    for (number, manner) in in_turns(&options.mix).into_iter().enumerate() {
        opening.tick().await;
        let call = Rc::new(Call::new(number, manner, Rc::clone(&world)));
        slots.borrow_mut()[number * 7 % SLOTS].push(Rc::clone(&call));
        spawn_local(call.hold());
    }
    world.opened.set(true);
    sleep(options.settle).await;

    world.measuring.set(true);
    let begin = Instant::now();
    let mut whole = std::mem::take(&mut *world.report.borrow_mut());
    if let Some(every) = options.every {
        let mut saying = interval(every);
        saying.tick().await;
        while begin.elapsed() + every / 2 < options.measure {
            saying.tick().await;
            let part = std::mem::take(&mut *world.report.borrow_mut());
            let _ = writeln!(std::io::stdout(), "{}", part.json(world.open.get()));
            whole.extend(&part);
        }
    } else {
        sleep(options.measure).await;
    }
    world.measuring.set(false);
    whole.extend(&std::mem::take(&mut *world.report.borrow_mut()));
    let report = whole.json(world.open.get());

    world.over.set(true);
    sending.abort();
    for call in slots.borrow().iter().flatten() {
        call.hang_up();
    }
    let leaving = Instant::now();
    while world.open.get() > 0 && leaving.elapsed() < FAREWELL {
        sleep(Duration::from_millis(10)).await;
    }
    Ok(report)
}

/// Callers of all manners in turns, so that each manner is there from the beginning.
fn in_turns(mix: &[(Manner, usize)]) -> Vec<Manner> {
    let most = mix.iter().map(|(_, count)| *count).max().unwrap_or_default();
    let mut manners = Vec::new();
    for round in 0..most {
        for (manner, count) in mix {
            // Manners with fewer callers are spread over the rounds.
            if (round + 1) * count / most > round * count / most {
                manners.push(*manner);
            }
        }
    }
    manners
}

async fn turn(world: Rc<World>, slots: Rc<RefCell<Vec<Vec<Rc<Call>>>>>) {
    let step = TICK / SLOTS as u32;
    let mut ticks = interval(step);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut slot = 0;
    loop {
        let due = ticks.tick().await;
        let late = due.elapsed();
        if world.measuring.get() {
            world.report.borrow_mut().ticks_late.add(late);
        }
        for call in &slots.borrow()[slot] {
            call.tick();
        }
        slot = (slot + 1) % SLOTS;
    }
}

//! The line in front of the network, with a network that waits to be told what to think.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use super::{Answer, Judge, SmartTurn, TurnError};

/// Reports what it is asked, and answers when it is told to.
struct Told {
    asked: Sender<i16>,
    answers: Arc<Mutex<Receiver<f32>>>,
}

impl Judge for Told {
    fn judge(&mut self, audio: &[i16], _: u32) -> Result<f32, TurnError> {
        self.asked.send(audio[0]).unwrap();
        Ok(self.answers.lock().unwrap().recv().unwrap())
    }
}

struct Bench {
    model: Arc<SmartTurn>,
    asked: Receiver<i16>,
    answer: Sender<f32>,
    results: Receiver<(i16, Result<f32, TurnError>)>,
    report: Sender<(i16, Result<f32, TurnError>)>,
}

impl Bench {
    fn new(most_waiting: usize) -> Self {
        let (asking, asked) = channel();
        let (answer, answers) = channel();
        let (report, results) = channel();
        let first = Told { asked: asking, answers: Arc::new(Mutex::new(answers)) };
        let open = || -> Result<Box<dyn Judge>, TurnError> { Err(TurnError::Superseded) };
        let model = SmartTurn::of(Box::new(first), Box::new(open), 1, most_waiting);
        Self { model, asked, answer, results, report }
    }

    fn answer_of(&self, name: i16) -> Answer {
        let report = self.report.clone();
        Box::new(move |result| {
            report.send((name, result.map(|judgement| judgement.probability))).unwrap();
        })
    }

    fn result(&self) -> (i16, Result<f32, TurnError>) {
        self.results.recv().unwrap()
    }
}

#[test]
fn streams_are_answered_in_the_order_in_which_they_asked() {
    let bench = Bench::new(8);
    let streams: Vec<_> = (0..3).map(|_| bench.model.stream()).collect();
    for (name, stream) in (0..).zip(&streams) {
        stream.judge(vec![name], 16_000, bench.answer_of(name));
    }
    for name in 0..3 {
        assert_eq!(bench.asked.recv().unwrap(), name);
        bench.answer.send(0.25).unwrap();
        assert!(matches!(bench.result(), (answered, Ok(0.25)) if answered == name));
    }
}

#[test]
fn the_newest_request_of_a_stream_replaces_the_one_that_waits() {
    let bench = Bench::new(8);
    let (busy, stream) = (bench.model.stream(), bench.model.stream());
    busy.judge(vec![0], 16_000, bench.answer_of(0));
    assert_eq!(bench.asked.recv().unwrap(), 0);
    stream.judge(vec![1], 16_000, bench.answer_of(1));
    stream.judge(vec![2], 16_000, bench.answer_of(2));
    assert!(matches!(bench.result(), (1, Err(TurnError::Superseded))));
    bench.answer.send(0.0).unwrap();
    assert!(matches!(bench.result(), (0, Ok(_))));
    assert_eq!(bench.asked.recv().unwrap(), 2, "the network never heard the older one");
    bench.answer.send(0.75).unwrap();
    assert!(matches!(bench.result(), (2, Ok(0.75))));
}

#[test]
fn an_answer_that_comes_after_the_stream_lost_interest_is_none() {
    let bench = Bench::new(8);
    let stream = bench.model.stream();
    stream.judge(vec![0], 16_000, bench.answer_of(0));
    assert_eq!(bench.asked.recv().unwrap(), 0);
    stream.cancel();
    bench.answer.send(0.9).unwrap();
    assert!(matches!(bench.result(), (0, Err(TurnError::Superseded))));
}

#[test]
fn a_stream_that_is_dropped_waits_no_longer() {
    let bench = Bench::new(8);
    let (busy, stream) = (bench.model.stream(), bench.model.stream());
    busy.judge(vec![0], 16_000, bench.answer_of(0));
    assert_eq!(bench.asked.recv().unwrap(), 0);
    stream.judge(vec![1], 16_000, bench.answer_of(1));
    drop(stream);
    assert!(matches!(bench.result(), (1, Err(TurnError::Superseded))));
    assert_eq!(bench.model.waiting(), 0);
    bench.answer.send(0.0).unwrap();
    assert!(bench.result().1.is_ok());
}

#[test]
fn more_streams_than_may_wait_are_refused_at_once() {
    let bench = Bench::new(2);
    let streams: Vec<_> = (0..4).map(|_| bench.model.stream()).collect();
    streams[0].judge(vec![0], 16_000, bench.answer_of(0));
    assert_eq!(bench.asked.recv().unwrap(), 0);
    for name in 1..4 {
        streams[name as usize].judge(vec![name], 16_000, bench.answer_of(name));
    }
    assert!(matches!(bench.result(), (3, Err(TurnError::Busy { waiting: 2 }))));
    for name in 0..3 {
        bench.answer.send(0.0).unwrap();
        assert!(matches!(bench.result(), (answered, Ok(_)) if answered == name));
    }
}

#[test]
fn threads_end_with_the_last_handle() {
    let bench = Bench::new(8);
    let stream = bench.model.stream();
    let Bench { model, asked, .. } = bench;
    drop(model);
    assert!(asked.try_recv().is_err());
    drop(stream);
    // The network, and with it its end of the channel, is gone when its thread has ended.
    assert!(asked.recv().is_err());
}

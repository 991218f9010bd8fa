//! When speech starts, goes on and stops.

use super::VadState;

/// What is told of a voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpeechEvent {
    /// Somebody begins to speak.
    Started,
    /// Somebody still speaks; told again and again.
    Activity,
    /// Nobody speaks any more.
    Stopped,
}

/// Makes events of what the voice does. What may have begun or ended makes none.
#[derive(Debug, Clone)]
pub struct SpeechEvents {
    speaking: bool,
    /// Least audio from one activity to the next, in samples.
    period: u64,
    /// Audio since the last one.
    since_activity: Option<u64>,
}

impl SpeechEvents {
    /// Makes one that tells of activity at most once in `period` samples.
    #[must_use]
    pub fn new(period: u64) -> Self {
        Self { speaking: false, period, since_activity: None }
    }

    /// Whether speech has started and not stopped.
    #[must_use]
    pub fn is_speaking(&self) -> bool {
        self.speaking
    }

    /// Changes the least audio from one activity to the next.
    pub fn set_period(&mut self, period: u64) {
        self.period = period;
    }

    /// Takes what the voice does after so many more samples, and returns what is to be told, in order.
    pub fn settled(&mut self, state: VadState, samples: u64) -> impl Iterator<Item = SpeechEvent> + use<> {
        self.since_activity = self.since_activity.map(|since| since.saturating_add(samples));
        let turn = match state {
            VadState::Speaking if !self.speaking => Some(SpeechEvent::Started),
            VadState::Quiet if self.speaking => Some(SpeechEvent::Stopped),
            _ => None,
        };
        if let Some(turn) = turn {
            self.speaking = turn == SpeechEvent::Started;
        }
        let due = self.speaking && self.since_activity.is_none_or(|since| since >= self.period);
        if due {
            self.since_activity = Some(0);
        }
        turn.into_iter().chain(due.then_some(SpeechEvent::Activity))
    }

    /// No more audio comes, as when a microphone is muted: speech has stopped, if there was any.
    pub fn ceased(&mut self) -> Option<SpeechEvent> {
        std::mem::take(&mut self.speaking).then_some(SpeechEvent::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const STATES: [VadState; 4] =
        [VadState::Quiet, VadState::Starting, VadState::Speaking, VadState::Stopping];

    #[test]
    fn only_speaking_and_quiet_make_events() {
        use SpeechEvent::{Activity, Started, Stopped};
        use VadState::{Quiet, Speaking, Starting, Stopping};
        let mut events = SpeechEvents::new(200);
        let told: Vec<Vec<SpeechEvent>> =
            [Quiet, Starting, Speaking, Speaking, Stopping, Speaking, Stopping, Quiet, Quiet]
                .map(|state| events.settled(state, 100).collect())
                .into();
        let expected: [&[SpeechEvent]; 9] =
            [&[], &[], &[Started, Activity], &[], &[Activity], &[], &[Activity], &[Stopped], &[]];
        assert_eq!(told, expected);
    }

    #[test]
    fn speech_stops_with_the_audio_and_starts_again_with_it() {
        let mut events = SpeechEvents::new(1_000);
        assert_eq!(events.ceased(), None);
        events.settled(VadState::Speaking, 512).for_each(drop);
        assert_eq!(events.ceased(), Some(SpeechEvent::Stopped));
        assert_eq!(events.ceased(), None);
        let told: Vec<_> = events.settled(VadState::Speaking, 512).collect();
        assert_eq!(told, [SpeechEvent::Started]);
    }

    proptest! {
        #[test]
        fn starts_and_stops_alternate_and_activity_keeps_its_distance(
            states in vec((0_usize..4, 0_u64..300), 0..60), period in 0_u64..600,
        ) {
            let mut events = SpeechEvents::new(period);
            let (mut speaking, mut clock, mut last) = (false, 0, None);
            for (state, samples) in states {
                clock += samples;
                for event in events.settled(STATES[state], samples) {
                    match event {
                        SpeechEvent::Started => prop_assert!(!std::mem::replace(&mut speaking, true)),
                        SpeechEvent::Stopped => prop_assert!(std::mem::replace(&mut speaking, false)),
                        SpeechEvent::Activity => {
                            prop_assert!(speaking);
                            prop_assert!(last.is_none_or(|last| clock - last >= period));
                            last = Some(clock);
                        }
                    }
                }
                prop_assert_eq!(events.is_speaking(), speaking);
            }
        }
    }
}

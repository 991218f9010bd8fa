//! What every stage promises, whatever it does to the audio.

use pipecat_rs_audio::dtmf::{DtmfDetector, append_tone};
use pipecat_rs_audio::{
    ChannelMapper, Chunker, Curve, Direction, Fade, Gain, LevelMeter, Mixer, Resampler, SilenceDetector,
    SoftLimiter, Stage, VolumeTracker, WavRecorder, dtmf, g711,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// A stage, and how many samples `n` of them become.
struct Member {
    name: &'static str,
    new: fn() -> Box<dyn Stage>,
    length: fn(usize) -> usize,
}

fn resampler(input: u32, output: u32, channels: usize) -> Box<dyn Stage> {
    Box::new(Resampler::new(input, output, channels).expect("the rates are in range"))
}

fn mapper(input: usize, output: usize) -> Box<dyn Stage> {
    Box::new(ChannelMapper::new(input, output).expect("one or two channels"))
}

fn fade(direction: Direction, curve: Curve, channels: usize) -> Box<dyn Stage> {
    Box::new(Fade::new(direction, curve, 480, channels).expect("one or two channels"))
}

/// Frames after a change of the rate, rounded.
fn converted(frames: usize, input: usize, output: usize) -> usize {
    (frames * output + input / 2) / input
}

fn family() -> Vec<Member> {
    vec![
        Member {
            name: "8 to 16 kHz",
            new: || resampler(8_000, 16_000, 1),
            length: |n| converted(n, 8_000, 16_000),
        },
        Member {
            name: "48 to 16 kHz",
            new: || resampler(48_000, 16_000, 1),
            length: |n| converted(n, 48_000, 16_000),
        },
        Member {
            name: "44.1 to 48 kHz in stereo",
            new: || resampler(44_100, 48_000, 2),
            length: |n| converted(n / 2, 44_100, 48_000) * 2,
        },
        Member {
            name: "22.05 to 16 kHz",
            new: || resampler(22_050, 16_000, 1),
            length: |n| converted(n, 22_050, 16_000),
        },
        Member { name: "equal rates", new: || resampler(16_000, 16_000, 1), length: |n| n },
        Member { name: "mono to stereo", new: || mapper(1, 2), length: |n| n * 2 },
        Member { name: "stereo to mono", new: || mapper(2, 1), length: |n| n / 2 },
        Member { name: "gain", new: || Box::new(Gain::from_db(7.0)), length: |n| n },
        Member { name: "limiter", new: || Box::new(SoftLimiter::default()), length: |n| n },
        Member { name: "fade in", new: || fade(Direction::In, Curve::EqualPower, 1), length: |n| n },
        Member { name: "fade out", new: || fade(Direction::Out, Curve::Linear, 2), length: |n| n },
        #[cfg(feature = "denoise")]
        Member {
            name: "denoiser at 16 kHz",
            new: || Box::new(pipecat_rs_audio::Denoiser::new(16_000).expect("the rate is in range")),
            length: |n| n,
        },
        #[cfg(feature = "denoise")]
        Member {
            name: "denoiser at 48 kHz",
            new: || Box::new(pipecat_rs_audio::Denoiser::new(48_000).expect("the rate is in range")),
            length: |n| n,
        },
        #[cfg(feature = "echo")]
        Member {
            name: "echo canceller",
            new: || Box::new(pipecat_rs_audio::EchoCanceller::new(16_000).expect("the rate is in range")),
            length: |n| n,
        },
    ]
}

/// Samples of all sizes, with many at the ends of the range.
fn audio(most: usize) -> impl Strategy<Value = Vec<i16>> {
    let sample = prop_oneof![
        4 => any::<i16>(),
        2 => -50_i16..50,
        1 => Just(i16::MIN),
        1 => Just(i16::MAX),
        1 => Just(0),
    ];
    vec(sample, 0..most)
}

/// Where to cut a stream: lengths of its pieces, over and over, also of nothing.
fn cuts() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![0_usize..4, 0_usize..700], 1..8)
}

/// Pieces of these lengths, and the rest in one.
fn pieces<'a>(audio: &'a [i16], cuts: &[usize]) -> Vec<&'a [i16]> {
    let (mut pieces, mut rest) = (Vec::new(), audio);
    for &length in cuts.iter().cycle().take(cuts.len() * 6) {
        let (piece, left) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = left;
    }
    pieces.push(rest);
    pieces
}

fn whole(stage: &mut dyn Stage, audio: &[i16]) -> Vec<i16> {
    let mut output = Vec::new();
    stage.process(audio, &mut output);
    stage.flush(&mut output);
    output
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_chunking_gives_the_same_output(audio in audio(3_000), cuts in cuts()) {
        for Member { name, new, .. } in family() {
            let (mut stage, mut output) = (new(), Vec::new());
            for piece in pieces(&audio, &cuts) {
                stage.process(piece, &mut output);
            }
            stage.flush(&mut output);
            prop_assert_eq!(output, whole(&mut *new(), &audio), "{}", name);
        }
    }

    #[test]
    fn a_stream_has_the_length_that_is_stated(audio in audio(3_000)) {
        for Member { name, new, length } in family() {
            prop_assert_eq!(whole(&mut *new(), &audio).len(), length(audio.len()), "{}", name);
        }
    }

    #[test]
    fn output_is_appended_and_what_was_there_stays(audio in audio(2_000)) {
        for Member { name, new, .. } in family() {
            let (mut stage, mut output) = (new(), vec![1, 2, 3]);
            stage.process(&audio, &mut output);
            stage.flush(&mut output);
            prop_assert_eq!(&output[..3], &[1, 2, 3], "{}", name);
        }
    }

    #[test]
    fn a_stage_that_was_reset_or_flushed_is_as_new(before in audio(2_000), audio in audio(2_000)) {
        for Member { name, new, .. } in family() {
            let expected = whole(&mut *new(), &audio);
            let mut stage = new();
            stage.process(&before, &mut Vec::new());
            stage.reset();
            prop_assert_eq!(&whole(&mut *stage, &audio), &expected, "{} after reset", name);
            prop_assert_eq!(&whole(&mut *stage, &audio), &expected, "{} after flush", name);
        }
    }

    #[test]
    fn silence_stays_silent(samples in 0_usize..3_000) {
        for Member { name, new, .. } in family() {
            let output = whole(&mut *new(), &vec![0; samples]);
            prop_assert!(output.iter().all(|&sample| sample == 0), "{}", name);
        }
    }

    #[test]
    fn resamplers_of_any_rates_keep_the_length(
        input in 4_000_u32..100_000,
        output in 4_000_u32..100_000,
        audio in audio(3_000),
    ) {
        let length = whole(&mut *resampler(input, output, 1), &audio).len();
        prop_assert_eq!(length, converted(audio.len(), input as usize, output as usize));
    }

    #[test]
    fn detectors_and_meters_do_not_mind_the_chunking(
        audio in audio(3_000),
        cuts in cuts(),
        key in 0_usize..16,
        at in 0_usize..3_000,
    ) {
        // With a key in it, so that there is something to detect.
        let mut audio = audio;
        let mut tone = Vec::new();
        append_tone(dtmf::Key::all().nth(key).expect("there are 16"), 8_000, 800, &mut tone);
        audio.splice(at.min(audio.len())..at.min(audio.len()), tone);

        let (mut one, mut many) = (DtmfDetector::new(8_000).expect("in range"), DtmfDetector::new(8_000).expect("in range"));
        let (mut events, mut same) = (Vec::new(), Vec::new());
        let (mut level, mut same_level) = (LevelMeter::default(), LevelMeter::default());
        let (mut silence, mut same_silence) = (SilenceDetector::default(), SilenceDetector::default());
        let mut volume = VolumeTracker::new(8_000).expect("in range");
        let mut same_volume = VolumeTracker::new(8_000).expect("in range");
        one.process(&audio, &mut events);
        level.process(&audio);
        silence.process(&audio);
        volume.process(&audio);
        for piece in pieces(&audio, &cuts) {
            many.process(piece, &mut same);
            same_level.process(piece);
            same_silence.process(piece);
            same_volume.process(piece);
        }
        one.flush(&mut events);
        many.flush(&mut same);
        prop_assert_eq!(events, same);
        prop_assert_eq!(level, same_level);
        prop_assert_eq!(silence.silent_samples(), same_silence.silent_samples());
        prop_assert_eq!(volume.volume(), same_volume.volume());
    }

    #[test]
    fn chunks_are_the_stream_again(audio in audio(3_000), cuts in cuts(), size in 1_usize..400) {
        let mut chunker = Chunker::new(size).expect("not empty");
        let mut output = Vec::new();
        for piece in pieces(&audio, &cuts) {
            chunker.push(piece, true);
            while chunker.take(&mut output).is_some() {
                prop_assert_eq!(output.len() % size, 0);
            }
            prop_assert!(chunker.held() < size);
        }
        chunker.flush(&mut output);
        prop_assert_eq!(output.len(), audio.len().div_ceil(size) * size);
        prop_assert_eq!(&output[..audio.len()], &audio[..]);
        prop_assert!(output[audio.len()..].iter().all(|&sample| sample == 0));
    }

    #[test]
    fn an_interruption_drops_exactly_what_it_may(
        runs in vec((audio(60), any::<bool>()), 0..12),
        taken in 0_usize..4,
    ) {
        let mut chunker = Chunker::new(16).expect("not empty");
        let mut kept: Vec<(i16, bool)> = Vec::new();
        for (samples, interruptible) in &runs {
            chunker.push(samples, *interruptible);
            kept.extend(samples.iter().map(|&sample| (sample, *interruptible)));
        }
        for _ in 0..taken {
            let mut chunk = Vec::new();
            if let Some(interruptible) = chunker.take(&mut chunk) {
                let expected: Vec<_> = kept.drain(..16).collect();
                prop_assert_eq!(interruptible, expected.iter().all(|sample| sample.1));
                prop_assert_eq!(chunk, expected.into_iter().map(|sample| sample.0).collect::<Vec<_>>());
            }
        }
        chunker.drop_interruptible();
        let kept: Vec<i16> = kept.into_iter().filter(|sample| !sample.1).map(|sample| sample.0).collect();
        let mut left = Vec::new();
        while chunker.take(&mut left).is_some() {}
        chunker.flush(&mut left);
        prop_assert_eq!(&left[..kept.len()], &kept[..]);
        prop_assert!(left.len() - kept.len() < 16);
    }

    #[test]
    fn a_mix_does_not_mind_the_chunking(
        first in audio(2_000),
        second in audio(2_000),
        cuts in cuts(),
        gain in 0.0_f32..4.0,
    ) {
        let (mut one, mut many) = (Mixer::new(2), Mixer::new(2));
        let (mut output, mut same) = (Vec::new(), Vec::new());
        one.push(0, &first, 1.0);
        one.push(1, &second, gain);
        one.flush(&mut output);
        let mut others = pieces(&second, &cuts).into_iter();
        for piece in pieces(&first, &cuts) {
            many.push(0, piece, 1.0);
            many.push(1, others.next().unwrap_or_default(), gain);
            many.take(&mut same);
        }
        many.flush(&mut same);
        prop_assert_eq!(output.len(), first.len().max(second.len()));
        prop_assert_eq!(output, same);
    }

    #[test]
    fn g711_is_off_by_no_more_than_its_step(audio in audio(2_000)) {
        let (mut ulaw, mut alaw) = (Vec::new(), Vec::new());
        let (mut from_ulaw, mut from_alaw) = (Vec::new(), Vec::new());
        g711::linear_to_ulaw(&audio, &mut ulaw);
        g711::linear_to_alaw(&audio, &mut alaw);
        g711::ulaw_to_linear(&ulaw, &mut from_ulaw);
        g711::alaw_to_linear(&alaw, &mut from_alaw);
        for (decoded, finest, largest) in [(&from_ulaw, 8, 32_124), (&from_alaw, 16, 32_256)] {
            for (&sample, &decoded) in audio.iter().zip(decoded) {
                // A step is a sixteenth of its segment, which begins at half of its end or above.
                let clipped = i32::from(sample).clamp(-largest, largest);
                let step = (clipped.abs() / 16).max(finest);
                prop_assert!((clipped - i32::from(decoded)).abs() <= step, "{} is {}", sample, decoded);
            }
        }
    }

    #[test]
    fn a_recording_does_not_mind_the_chunking(audio in audio(2_000), cuts in cuts()) {
        for channels in [1, 2] {
            let mut file = std::io::Cursor::new(Vec::new());
            let mut recorder = WavRecorder::new(&mut file, 8_000, channels).expect("memory can be written");
            for piece in pieces(&audio, &cuts) {
                recorder.process(piece).expect("memory can be written");
            }
            recorder.finish().expect("memory can be written");
            let mut reader = hound::WavReader::new(file.get_ref().as_slice()).expect("it is a WAV file");
            let read: Vec<i16> = reader.samples().map(|sample| sample.expect("a sample")).collect();
            prop_assert_eq!(&read[..], &audio[..audio.len() / channels * channels]);
        }
    }
}

/// Stages whose crates allocate for themselves.
const ALLOCATING: [&str; 3] = ["denoiser at 16 kHz", "denoiser at 48 kHz", "echo canceller"];

#[test]
fn nothing_is_allocated_once_warm() {
    let audio: Vec<i16> = (0..960).map(|n| (n * 31) as i16).collect();
    for Member { name, new, .. } in family().into_iter().filter(|member| !ALLOCATING.contains(&member.name)) {
        let (mut stage, mut output) = (new(), Vec::with_capacity(8 * audio.len()));
        stage.process(&audio, &mut output);
        let counted = allocation_counter::measure(|| {
            for _ in 0..50 {
                output.clear();
                stage.process(&audio, &mut output);
            }
            output.clear();
            stage.flush(&mut output);
            stage.reset();
        });
        assert_eq!(counted.count_total, 0, "{name}");
    }
}

#[test]
fn detectors_mixers_and_chunkers_allocate_nothing_once_warm() {
    let audio: Vec<i16> = (0..960).map(|n| (n * 31) as i16).collect();
    let mut output = Vec::with_capacity(8 * audio.len());
    let mut mixer = Mixer::new(2);
    let mut chunker = Chunker::of_10_ms(1, 16_000, 1).expect("not empty");
    let mut detector = DtmfDetector::new(16_000).expect("in range");
    let mut tracker = VolumeTracker::new(16_000).expect("in range");
    let (mut events, mut code) = (Vec::with_capacity(16), Vec::with_capacity(2 * audio.len()));
    let mut round = || {
        output.clear();
        code.clear();
        mixer.push(0, &audio, 1.0);
        mixer.push(1, &audio, 0.5);
        mixer.take(&mut output);
        chunker.push(&audio, true);
        while chunker.take(&mut output).is_some() {}
        detector.process(&audio, &mut events);
        tracker.process(&audio);
        tracker.volume();
        g711::linear_to_ulaw(&audio, &mut code);
        g711::ulaw_to_linear(&code, &mut output);
    };
    for _ in 0..20 {
        round();
    }
    let counted = allocation_counter::measure(|| (0..50).for_each(|_| round()));
    assert_eq!(counted.count_total, 0);
}

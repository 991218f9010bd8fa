//! Recordings in Ogg/Opus files: a minute of speech in some 200 kB, where WAV takes 2 to 6 MB.

use std::io::Write;

use ogg::{PacketWriteEndInfo, PacketWriter};
use opus::{Application, Channels, Encoder};

use crate::AudioError;
use crate::error::check_channels;

const FRAME_MS: u32 = 20;
/// Packets on a page, a second of them: a program that is killed loses no more.
const PACKETS_ON_A_PAGE: u32 = 50;
/// Positions in the file count samples at this rate, whatever the audio's.
const POSITION_HZ: u64 = 48_000;
/// More than any packet of one frame needs.
const LARGEST_PACKET: usize = 1_500;
const VENDOR: &[u8] = b"pipecat_rs";

/// Encodes a stream with Opus and writes it into an Ogg file (RFC 7845), whose writer the caller
/// brings. Rates are those of Opus: 8, 12, 16, 24 and 48 kHz.
pub struct OggOpusRecorder<W: Write> {
    writer: PacketWriter<'static, W>,
    encoder: Encoder,
    sample_rate: u32,
    channels: usize,
    serial: u32,
    /// Samples that do not fill a frame yet; a frame has `size` of them.
    frame: Vec<i16>,
    size: usize,
    /// The latest packet, held back because the last one is marked as such.
    held: Option<Vec<u8>>,
    packets: u32,
    /// Samples of the file's beginning that are the encoder's own, at 48 kHz.
    skip: u64,
    /// Samples taken in, of all channels.
    taken: u64,
}

impl<W: Write> OggOpusRecorder<W> {
    /// Begins a recording.
    ///
    /// # Arguments
    ///
    /// * `serial` - Number of the stream; files that are joined to one must have different ones.
    ///
    /// # Errors
    ///
    /// If there are not one or two channels, the rate is not one of Opus, or the writer fails.
    pub fn new(writer: W, sample_rate: u32, channels: usize, serial: u32) -> Result<Self, AudioError> {
        let layout = if check_channels(channels)? == 1 { Channels::Mono } else { Channels::Stereo };
        if ![8_000, 12_000, 16_000, 24_000, 48_000].contains(&sample_rate) {
            let allowed = "8000, 12000, 16000, 24000 and 48000 Hz are";
            return Err(AudioError::SampleRate { rate: sample_rate, allowed });
        }
        let mut encoder = Encoder::new(sample_rate, layout, Application::Voip)?;
        let skip = encoder.get_lookahead()? as u64 * POSITION_HZ / u64::from(sample_rate);
        let size = (sample_rate / 1000 * FRAME_MS) as usize * channels;
        let mut writer = PacketWriter::new(writer);
        let head = head(sample_rate, channels as u8, skip as u16);
        writer.write_packet(head, serial, PacketWriteEndInfo::EndPage, 0)?;
        writer.write_packet(tags(), serial, PacketWriteEndInfo::EndPage, 0)?;
        Ok(Self {
            writer,
            encoder,
            sample_rate,
            channels,
            serial,
            frame: Vec::with_capacity(size),
            size,
            held: None,
            packets: 0,
            skip,
            taken: 0,
        })
    }

    /// Encodes and writes the next samples.
    ///
    /// # Errors
    ///
    /// If the writer fails.
    pub fn process(&mut self, mut input: &[i16]) -> Result<(), AudioError> {
        self.taken += input.len() as u64;
        while !input.is_empty() {
            let (taken, rest) = input.split_at(input.len().min(self.size - self.frame.len()));
            self.frame.extend_from_slice(taken);
            input = rest;
            if self.frame.len() == self.size {
                self.encode()?;
            }
        }
        Ok(())
    }

    /// Completes the file. Half a frame at the end of stereo is left out.
    ///
    /// # Errors
    ///
    /// If the writer fails.
    pub fn finish(mut self) -> Result<(), AudioError> {
        let frames = self.taken / self.channels as u64;
        self.frame.truncate(self.frame.len() - (self.taken % self.channels as u64) as usize);
        // The encoder is late by what is skipped at the beginning, so silence must push the last
        // samples out. The last position says where the audio ends in the last packet.
        let end = self.skip + frames * POSITION_HZ / u64::from(self.sample_rate);
        while self.held.is_none() || self.position() < end {
            self.frame.resize(self.size, 0);
            self.encode()?;
        }
        if let Some(packet) = self.held.take() {
            self.writer.write_packet(packet, self.serial, PacketWriteEndInfo::EndStream, end)?;
        }
        self.writer.inner_mut().flush()?;
        Ok(())
    }

    fn encode(&mut self) -> Result<(), AudioError> {
        let packet = self.encoder.encode_vec(&self.frame, LARGEST_PACKET)?;
        self.frame.clear();
        if let Some(before) = self.held.replace(packet) {
            let full = self.packets.is_multiple_of(PACKETS_ON_A_PAGE);
            let end = if full { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
            self.writer.write_packet(before, self.serial, end, self.position())?;
        }
        self.packets += 1;
        Ok(())
    }

    /// Where the latest packet ends.
    fn position(&self) -> u64 {
        u64::from(self.packets) * u64::from(FRAME_MS) * POSITION_HZ / 1000
    }
}

fn head(sample_rate: u32, channels: u8, skip: u16) -> Vec<u8> {
    let (version, gain, family) = (1, [0, 0], 0);
    let mut head = b"OpusHead".to_vec();
    head.extend([version, channels]);
    head.extend(skip.to_le_bytes());
    head.extend(sample_rate.to_le_bytes());
    head.extend(gain);
    head.push(family);
    head
}

fn tags() -> Vec<u8> {
    let mut tags = b"OpusTags".to_vec();
    tags.extend((VENDOR.len() as u32).to_le_bytes());
    tags.extend(VENDOR);
    tags.extend(0_u32.to_le_bytes());
    tags
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use ogg::PacketReader;

    use super::*;

    fn tone(samples: usize, sample_rate: u32) -> Vec<i16> {
        let step = std::f32::consts::TAU * 440.0 / sample_rate as f32;
        (0..samples).map(|n| (8_000.0 * (step * n as f32).sin()) as i16).collect()
    }

    fn record(sample_rate: u32, channels: usize, audio: &[i16]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut recorder = OggOpusRecorder::new(&mut file, sample_rate, channels, 7).unwrap();
        for piece in audio.chunks(331) {
            recorder.process(piece).unwrap();
        }
        recorder.finish().unwrap();
        file
    }

    /// Decodes a file as a player does: what is skipped at both ends is left out.
    fn play(file: &[u8], sample_rate: u32, channels: usize) -> Vec<i16> {
        let mut reader = PacketReader::new(Cursor::new(file));
        let head = reader.read_packet_expected().unwrap().data;
        assert_eq!(&head[..8], b"OpusHead");
        assert_eq!((head[9], &head[12..16]), (channels as u8, &sample_rate.to_le_bytes()[..]));
        let skip = u64::from(u16::from_le_bytes([head[10], head[11]]));
        assert_eq!(&reader.read_packet_expected().unwrap().data[..8], b"OpusTags");
        let layout = if channels == 1 { Channels::Mono } else { Channels::Stereo };
        let mut decoder = opus::Decoder::new(sample_rate, layout).unwrap();
        let (mut audio, mut end, mut last) = (Vec::new(), 0, false);
        while let Some(packet) = reader.read_packet().unwrap() {
            let mut frame = vec![0; 5760 * channels];
            let frames = decoder.decode(&packet.data, &mut frame, false).unwrap();
            audio.extend(&frame[..frames * channels]);
            end = packet.absgp_page();
            last = packet.last_in_stream();
        }
        assert!(last);
        let at = |position: u64| (position * u64::from(sample_rate) / POSITION_HZ) as usize * channels;
        audio[at(skip)..at(end)].to_vec()
    }

    #[test]
    fn what_was_recorded_is_played() {
        for sample_rate in [8_000, 16_000, 24_000, 48_000] {
            let audio = tone(sample_rate as usize * 3 / 2 + 77, sample_rate);
            let played = play(&record(sample_rate, 1, &audio), sample_rate, 1);
            assert_eq!(played.len(), audio.len());
            // Opus changes the waveform, but a tone stays where it is.
            let product: f64 = audio.iter().zip(&played).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            let power: f64 = audio.iter().map(|&a| f64::from(a).powi(2)).sum();
            assert!((0.8..1.2).contains(&(product / power)), "{} at {sample_rate}", product / power);
        }
    }

    #[test]
    fn stereo_and_a_stream_of_nothing() {
        let played = play(&record(16_000, 2, &tone(2_001, 16_000)), 16_000, 2);
        assert_eq!(played.len(), 2_000);
        assert_eq!(play(&record(16_000, 1, &[]), 16_000, 1), []);
    }

    #[test]
    fn a_minute_is_small() {
        assert!(record(16_000, 1, &tone(10 * 16_000, 16_000)).len() < 60_000);
    }

    #[test]
    fn other_rates_are_refused() {
        assert!(OggOpusRecorder::new(Vec::new(), 22_050, 1, 1).is_err());
    }
}

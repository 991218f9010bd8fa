//! How strong each frequency is in a frame.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// How far the weights of the transform may be from those of a windowed Fourier transform.
const TOLERANCE: f64 = 1e-5;

/// A windowed Fourier transform, of which the phase is left out.
pub(super) struct Spectrum {
    window: Vec<f32>,
    transform: Arc<dyn RealToComplex<f32>>,
}

/// What it needs while it computes.
pub(super) struct Workspace {
    windowed: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Spectrum {
    /// # Arguments
    ///
    /// * `basis` - The weights of a convolution: for each frequency those of the real part, then for each
    ///   those of the imaginary one.
    /// * `frame` - Samples.
    ///
    /// # Errors
    ///
    /// If the weights are not those of a windowed Fourier transform.
    pub(super) fn of(basis: &[f32], frame: usize) -> Result<Self, String> {
        // Of frequency 0.
        let window = &basis[..frame];
        let bins = frame / 2 + 1;
        let (real, imaginary) = basis.split_at(bins * frame);
        for bin in 0..bins {
            for sample in 0..frame {
                let angle = TAU * (bin * sample % frame) as f64 / frame as f64;
                let weight = |part: &[f32]| f64::from(part[bin * frame + sample]);
                let height = f64::from(window[sample]);
                let is_cosine = (weight(real) - height * angle.cos()).abs() < TOLERANCE;
                let is_sine = (weight(imaginary).abs() - (height * angle.sin()).abs()).abs() < TOLERANCE;
                if !is_cosine || !is_sine {
                    return Err("its first convolution is no windowed Fourier transform".to_owned());
                }
            }
        }
        let transform = RealFftPlanner::new().plan_fft_forward(frame);
        Ok(Self { window: window.to_vec(), transform })
    }

    pub(super) fn workspace(&self) -> Workspace {
        Workspace {
            windowed: self.transform.make_input_vec(),
            spectrum: self.transform.make_output_vec(),
            scratch: self.transform.make_scratch_vec(),
        }
    }

    #[inline(always)]
    pub(super) fn magnitudes(&self, frame: &[f32], workspace: &mut Workspace, magnitudes: &mut [f32]) {
        let Workspace { windowed, spectrum, scratch } = workspace;
        for ((windowed, sample), height) in windowed.iter_mut().zip(frame).zip(&self.window) {
            *windowed = sample * height;
        }
        let done = self.transform.process_with_scratch(windowed, spectrum, scratch);
        debug_assert!(done.is_ok(), "the buffers are its own");
        for (magnitude, bin) in magnitudes.iter_mut().zip(&*spectrum) {
            *magnitude = (bin.re * bin.re + bin.im * bin.im).sqrt();
        }
    }
}

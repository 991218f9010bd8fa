/// A step that audio passes through: 16-bit samples in, 16-bit samples out.
///
/// How the stream is cut makes no difference: any chunking of the same samples gives the same
/// output. Stereo is interleaved; half a frame at the end of a call waits for its other half.
pub trait Stage {
    /// Takes samples in and appends those that are ready to `output`, which is never cleared.
    ///
    /// Once the stage has seen a chunk of the usual size and `output` has room, nothing is
    /// allocated, unless by the crates behind the features `denoise` and `echo`.
    fn process(&mut self, input: &[i16], output: &mut Vec<i16>);

    /// Ends the stream: appends what was held back, and is as new afterwards. Half a frame is
    /// dropped.
    fn flush(&mut self, output: &mut Vec<i16>);

    /// Forgets the stream without giving out what was held back, and is as new.
    fn reset(&mut self);
}

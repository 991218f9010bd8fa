"""What several test modules need: frames, processors and a few ways of waiting."""

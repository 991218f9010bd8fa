"""Turn analysis: from the sound of speech to whether its turn is over."""

"""Audio: files, sample rates, pacing, voice activity."""

"""Gathering a stream of text into pieces that can be spoken."""

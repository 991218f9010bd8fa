"""What surrounds a conversation's context: its size, and how text and speech go together."""

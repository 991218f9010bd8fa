"""What turns a conversation context and its tools into a provider's own form."""

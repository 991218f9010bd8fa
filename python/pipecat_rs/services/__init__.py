"""Services: speech-to-text, language models and text-to-speech, local and of providers."""

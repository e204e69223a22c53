"""What a repository grows by when a film is edited: Dits by tracks, beside blind cutting and peers."""

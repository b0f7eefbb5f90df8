"""Where songs come from: folders of music files and the demo tunes, searchable, with no notion of a room."""

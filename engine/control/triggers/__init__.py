"""What fills the inbox without a forge's word: refs looked at, working trees watched, clocks. Runs nothing."""

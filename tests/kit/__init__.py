"""What tests share: clocks that stand still, real sites, real browsers, and ears."""

"""Who holds which incentive item, published daily for everybody. See docs/open-data.md."""

"""What-if: many questions about one job, answered so that each uses what the others proved (see `gpuplan.sweep`)."""

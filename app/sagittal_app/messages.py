"""Every sentence a user can meet, in one place."""

OUR_FAULT = "Something went wrong inside Sagittal: {error}. Your study on disk is untouched; the detail says where."

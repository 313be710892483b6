"""What a contact is believed to bring, before anything is known of whom it suits."""

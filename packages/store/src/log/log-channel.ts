/** The channel on which appends are announced; its payload is empty. */
export const LOG_CHANNEL = 'fairlead_log';

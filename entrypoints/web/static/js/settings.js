// The service's settings for the page: the addresses of its calls, and its limits.
// {apiPrefix, maxUploadBytes, maxVideoBytes, maxBatchSize, minFaceSize, imageFormats, videoFormats, imageSuffixes, videoSuffixes, emotions, auth, firebase, socketIoClient, socketIoTransports}
export const settings = Object.freeze(JSON.parse(document.documentElement.dataset.settings));

/** The words for the emotions, in the order of the service. */
export const EMOTIONS = Object.freeze(settings.emotions);

// Before anything is shown: the colours that were chosen on the page, and whether the address asks for another view than the first.

{
  const { dataset } = document.documentElement;
  const theme = localStorage.getItem("emotion-api.theme");
  if (theme) dataset.theme = theme;
  if (/^#(live|history)\b/.test(location.hash)) dataset.opensElsewhere = "";
}

using System.Globalization;

namespace DistSgd.Learning.Data;

/// <summary>Reads the rows' weights from a file of their own: one number a line, in the order of the rows.</summary>
internal static class WeightsFile
{
    /// <exception cref="DatasetException">The file can't be read.</exception>
    /// <exception cref="DatasetFormatException">A line is no number of 0 or more.</exception>
    public static float[] Read(string path)
    {
        var weights = new List<float>();
        using var source = SourceFile.Open(path);
        using var text = new StreamReader(source.OpenText());
        while (text.ReadLine() is { } line)
        {
            bool isNumber = float.TryParse(line, NumberStyles.Float, CultureInfo.InvariantCulture, out float weight);
            if (!isNumber || !float.IsFinite(weight) || weight < 0)
                throw new DatasetFormatException(path, weights.Count + 1, 1, $"found \"{(line.Length > 40 ? line[..40] + "…" : line)}\" as weight; expected a number of 0 or more, one a line.");
            weights.Add(weight);
        }
        return [.. weights];
    }
}

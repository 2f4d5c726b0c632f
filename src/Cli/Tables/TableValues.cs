using System.Globalization;
using DistSgd.Learning.Formats;

namespace DistSgd.Cli.Tables;

/// <summary>Values to push, from text or a tensor.</summary>
internal static class TableValues
{
    /// <summary>Reads them.</summary>
    /// <param name="path">A file; - is standard input.</param>
    /// <param name="tensor">Name of the tensor in a .safetensors file.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">Not numbers; the message names file, line and column.</exception>
    public static async Task<float[]> ReadAsync(string path, string tensor, CancellationToken cancellationToken)
    {
        if (path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
            return ReadTensor(path, tensor);
        using TextReader text = path == "-" ? Console.In : new StreamReader(path);
        var values = new List<float>();
        for (int line = 1; await text.ReadLineAsync(cancellationToken) is { } found; line++)
            ReadLine(path, line, found, values);
        return [.. values];
    }

    private static float[] ReadTensor(string path, string tensor)
    {
        using var file = new SafetensorsReader(path);
        if (!file.Tensors.TryGetValue(tensor, out TensorEntry? entry) || entry.Type != TensorType.F32)
            throw new ModelFileException(path, $"there is no tensor '{tensor}' of float32; it has {string.Join(", ", file.Tensors.Keys)}");
        var values = new float[entry.ElementCount];
        file.Read(tensor, 0, values.AsSpan());
        return values;
    }

    private static void ReadLine(string path, int number, string line, List<float> values)
    {
        for (int start = 0; start < line.Length;)
        {
            int end = start;
            while (end < line.Length && !char.IsWhiteSpace(line[end]))
                end++;
            if (end > start)
            {
                values.Add(float.TryParse(line.AsSpan(start, end - start), NumberStyles.Float, CultureInfo.InvariantCulture, out float value) ? value
                    : throw new ArgumentException($"{path}, line {number}, column {start + 1}: '{line[start..end]}' is not a number."));
            }
            start = end + 1;
        }
    }
}

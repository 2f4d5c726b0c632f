using System.Globalization;
using DistSgd.Learning.Formats;

namespace DistSgd.Cli.Tables;

/// <summary>Values to push, from text or a tensor.</summary>
internal static class TableValues
{
    private const string FiniteExpected = "expected a number within float32, ±3.4e38. Nothing was sent.";

    /// <summary>Reads them.</summary>
    /// <param name="path">A file; - is standard input.</param>
    /// <param name="tensor">Name of the tensor in a .safetensors file.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">Not numbers, or NaN or infinite; the message names file, line and column, or tensor and element.</exception>
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
        int bad = Array.FindIndex(values, value => !float.IsFinite(value));
        return bad < 0 ? values
            : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{path}, tensor '{tensor}', element {bad}: {values[bad]} is not finite; {FiniteExpected}"));
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
                bool isNumber = float.TryParse(line.AsSpan(start, end - start), NumberStyles.Float, CultureInfo.InvariantCulture, out float value);
                values.Add(isNumber && float.IsFinite(value) ? value
                    : throw new ArgumentException($"{path}, line {number}, column {start + 1}: '{line[start..end]}' is not {(isNumber ? $"finite; {FiniteExpected}" : "a number.")}"));
            }
            start = end + 1;
        }
    }
}

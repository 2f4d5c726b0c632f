using System.Text.Json;
using DistSgd.Trainer;

namespace DistSgd.Cli.Plotting;

/// <summary>One evaluation of a training, as <c>train --json</c> printed it.</summary>
/// <param name="Epoch">Finished epochs.</param>
/// <param name="Steps">Mini-batches of all workers.</param>
/// <param name="Seconds">Seconds of training.</param>
/// <param name="Bytes">Payload bytes pushed and pulled.</param>
/// <param name="TrainLoss">Mean loss of the epoch's rows.</param>
/// <param name="TestLoss">Loss on the test set; null: there was none.</param>
internal sealed record LogPoint(double Epoch, double Steps, double Seconds, double Bytes, double TrainLoss, double? TestLoss);

/// <summary>The evaluations in a log of a training.</summary>
/// <param name="Name">The file's name without folder and ending.</param>
/// <param name="Points">In the log's order; at least one.</param>
internal sealed record TrainingLog(string Name, IReadOnlyList<LogPoint> Points)
{
    private const int ShownMax = 40;

    /// <summary>Reads a log.</summary>
    /// <exception cref="TrainingException">A line that no training prints, or no evaluation; file and line are named.</exception>
    public static TrainingLog Read(string path)
    {
        var points = new List<LogPoint>();
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (line.Trim().Length > 0 && Point(line, $"{path}, line {number}") is { } point)
                points.Add(point);
        }
        return points.Count > 0 ? new TrainingLog(Path.GetFileNameWithoutExtension(path), points)
            : throw new TrainingException($"{path} holds no evaluation; expected what distsgd train --json printed.");
    }

    private static LogPoint? Point(string line, string where)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("event", out JsonElement kind))
                throw Malformed(line, where);
            return kind.GetString() != "evaluation" ? null : new LogPoint(Number(root, "epoch", where), Number(root, "steps", where), Number(root, "seconds", where), Number(root, "bytes", where),
                Number(root, "train_loss", where), root.TryGetProperty("test_loss", out JsonElement test) && test.ValueKind == JsonValueKind.Number ? test.GetDouble() : null);
        }
        catch (Exception odd) when (odd is JsonException or InvalidOperationException)
        {
            throw Malformed(line, where);
        }
    }

    private static double Number(JsonElement root, string name, string where) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble()
            : throw new TrainingException($"{where}: the evaluation has no number \"{name}\"; expected a line that distsgd train --json printed.");

    private static TrainingException Malformed(string line, string where) =>
        new($"{where}: expected a line that distsgd train --json printed; found '{(line.Length <= ShownMax ? line : line[..ShownMax] + "…")}'.");
}

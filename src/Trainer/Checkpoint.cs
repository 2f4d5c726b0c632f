using System.Globalization;
using System.Runtime.InteropServices;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Models;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer;

/// <summary>
/// The state of a training between two epochs: every parameter with its optimizer state, in the units of training, and how far it has come. As a file it is a
/// safetensors file with one tensor, <c>entries</c> [keys, floats a key], metadata that tells which training it belongs to, and a checksum of all of it.
/// </summary>
/// <param name="Epochs">Epochs that are done.</param>
/// <param name="Steps">Steps of all workers that are done.</param>
/// <param name="Entries">Each key's entry, as shards keep it.</param>
internal sealed record Checkpoint(int Epochs, long Steps, float[] Entries)
{
    private const string FormatName = "distsgd-checkpoint";
    private const string FormatVersion = "1";
    private const string TensorName = "entries";
    private const int PieceFloats = 1 << 20;

    /// <summary>The state in a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="job">The training that goes on from it.</param>
    /// <param name="data">Its data.</param>
    /// <param name="labels">Its labels.</param>
    /// <returns>Null if there is no such file.</returns>
    /// <exception cref="TrainingException">The file is damaged, is no checkpoint, or belongs to another training; the message says what differs.</exception>
    public static Checkpoint? Load(string path, TrainingJob job, Dataset data, LabelMap labels)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            using var file = new SafetensorsReader(path);
            if (file.Metadata.GetValueOrDefault("format") != FormatName)
                throw new TrainingException($"{path} is no checkpoint (its metadata lacks format = {FormatName}); give another --checkpoint.");
            if (file.Metadata.GetValueOrDefault("version") is var version && version != FormatVersion)
                throw new TrainingException($"{path} is a checkpoint of version {version}; this program reads version {FormatVersion}. Delete it to begin anew.");
            foreach ((string name, string own) in Facts(job, data, labels))
            {
                if (file.Metadata.GetValueOrDefault(name, "not known") is var theirs && theirs != own)
                    throw new TrainingException($"{path} is the checkpoint of another training: its {name} is {theirs}, that of this one {own}. Give another --checkpoint, or delete it to begin anew.");
            }
            file.CheckContent();
            return new Checkpoint(checked((int)Number(path, file, "epochs done")), Number(path, file, "steps done"), Read(path, file, job));
        }
        catch (ModelFileException damaged)
        {
            throw new TrainingException($"{damaged.Message} Give another --checkpoint, or delete it to begin anew.", damaged);
        }
    }

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path, TrainingJob job, Dataset data, LabelMap labels)
    {
        var file = new SafetensorsWriter();
        file.AddTensor(TensorName, TensorType.F32, [job.KeyCount, job.EntryFloats], stream =>
        {
            for (int first = 0; first < Entries.Length; first += PieceFloats)
                stream.Write(MemoryMarshal.AsBytes(Entries.AsSpan(first, Math.Min(PieceFloats, Entries.Length - first))));
        });
        file.AddMetadata("format", FormatName);
        file.AddMetadata("version", FormatVersion);
        file.AddMetadata("epochs done", Epochs.ToString(CultureInfo.InvariantCulture));
        file.AddMetadata("steps done", Steps.ToString(CultureInfo.InvariantCulture));
        foreach ((string name, string value) in Facts(job, data, labels))
            file.AddMetadata(name, value);
        file.AddChecksum();
        file.Save(path);
    }

    /// <summary>The values alone, without optimizer state.</summary>
    public float[] Values(TrainingJob job)
    {
        var values = new float[Entries.Length / job.Stride];
        for (int i = 0; i < values.Length; i++)
            values[i] = Entries[i * job.Stride];
        return values;
    }

    // What must be the same for the entries to mean the same; what may change, such as rates, workers or the number of epochs, is not among it.
    private static IEnumerable<(string Name, string Value)> Facts(TrainingJob job, Dataset data, LabelMap labels)
    {
        yield return ("model", KindName.Of(job.Model.Kind));
        yield return ("loss", KindName.Of(job.Model.Loss));
        yield return ("labels", labels.Classes.Count > 0 ? string.Join(',', labels.Classes.Select(Text)) : labels.IsBinary ? $"{Text(labels.Negative)},{Text(labels.Positive)}" : "real");
        yield return ("network", job.Model.Network is { } network ? $"{string.Join(',', network.Layers)} {network.ActivationText}{(network.BatchNorm ? " batch-norm" : "")}" : "none");
        yield return ("number of features", job.Features.ToString(CultureInfo.InvariantCulture));
        yield return ("data", string.Create(CultureInfo.InvariantCulture, $"{data.RowCount} rows of {data.SourceBytes} bytes"));
        yield return ("optimizer", job.Rule.Form.Facts.Name);
        yield return ("exchange", job.Sparse ? "sparse" : "dense");
        yield return ("seed", job.Seed.ToString(CultureInfo.InvariantCulture));
        yield return ("scaling of columns", job.Scaling is { } scaling ? $"{Sum(scaling.Means):x8} {Sum(scaling.InverseScales):x8}" : "none");
        yield return ("scaling of targets", job.Targets is { } targets ? $"{Text(targets.Mean)} {Text(targets.Deviation)}" : "none");
        yield return ("preprocessing", job.Preprocessing.IsNone ? "none" : $"{job.Preprocessing.HashBits} {job.Preprocessing.HashSeed} {job.Preprocessing.Normalizes} {(job.Preprocessing.Whitening is { } whitening ? $"{Sum(whitening.Matrix):x8}" : "none")}");
    }

    private static string Text(float number) => number.ToString("R", CultureInfo.InvariantCulture);

    private static string Text(double number) => number.ToString("R", CultureInfo.InvariantCulture);

    private static uint Sum(ReadOnlySpan<float> numbers) => Checksum.Of(MemoryMarshal.AsBytes(numbers));

    private static long Number(string path, SafetensorsReader file, string name) =>
        long.TryParse(file.Metadata.GetValueOrDefault(name), NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value <= int.MaxValue * 1_000_000L
            ? value
            : throw new ModelFileException(path, $"the metadata has no number \"{name}\".");

    private static float[] Read(string path, SafetensorsReader file, TrainingJob job)
    {
        long expected = checked(job.KeyCount * job.EntryFloats);
        if (!file.Tensors.TryGetValue(TensorName, out TensorEntry? tensor) || tensor.Type != TensorType.F32 || tensor.ElementCount != expected)
            throw new ModelFileException(path, $"the tensor \"{TensorName}\" isn't {job.KeyCount} keys of {job.EntryFloats} floats.");
        var entries = new float[expected];
        for (int first = 0; first < entries.Length; first += PieceFloats)
            file.Read(TensorName, first, entries.AsSpan(first, Math.Min(PieceFloats, entries.Length - first)));
        return entries;
    }
}

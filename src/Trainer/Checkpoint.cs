using System.Globalization;
using System.Runtime.InteropServices;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Models;
using DistSgd.Shared.Jobs;
using DistSgd.Trainer.Stopping;

namespace DistSgd.Trainer;

/// <summary>
/// The state of a training between two epochs: every parameter with its optimizer state and what is kept beside it, in the units of training, and how far it has come. As a file it is a
/// safetensors file with a tensor, <c>entries</c> [keys, floats a state], where the best model is kept another, <c>best</c> [keys, floats a key], metadata that tells which training it belongs to, and a checksum of all of it.
/// </summary>
/// <param name="Epochs">Epochs that are done.</param>
/// <param name="Steps">Steps of all workers that are done.</param>
/// <param name="States">Each key's state, as shards keep it.</param>
internal sealed record Checkpoint(int Epochs, long Steps, float[] States)
{
    private const string FormatName = "distsgd-checkpoint";
    private const string FormatVersion = "2";
    private const string TensorName = "entries";
    private const string BestName = "best";
    private const int PieceFloats = 1 << 20;

    /// <summary>What stopping rules had seen.</summary>
    public StoppingState Stopping { get; init; } = StoppingState.None;

    /// <summary>The parameters of the least test loss, in the units of training, where they are kept; else empty.</summary>
    public float[] Best { get; init; } = [];

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
                if (file.Metadata.GetValueOrDefault(name, "none") is var theirs && theirs != own)
                    throw new TrainingException($"{path} is the checkpoint of another training: its {name} is {theirs}, that of this one {own}. Give another --checkpoint, or delete it to begin anew.");
            }
            file.CheckContent();
            return new Checkpoint(checked((int)Number(path, file, "epochs done")), Number(path, file, "steps done"), Read(path, file, TensorName, job, job.KeyFloats.State))
            {
                Stopping = ReadStopping(path, file),
                Best = file.Tensors.ContainsKey(BestName) ? Read(path, file, BestName, job, job.Width) : [],
            };
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
        Add(file, TensorName, States, job);
        if (Best.Length > 0)
            Add(file, BestName, Best, job);
        file.AddMetadata("format", FormatName);
        file.AddMetadata("version", FormatVersion);
        file.AddMetadata("epochs done", Epochs.ToString(CultureInfo.InvariantCulture));
        file.AddMetadata("steps done", Steps.ToString(CultureInfo.InvariantCulture));
        file.AddMetadata("best test loss", Text(Stopping.BestLoss));
        file.AddMetadata("best epoch", Stopping.BestEpoch.ToString(CultureInfo.InvariantCulture));
        file.AddMetadata("evaluations since", Stopping.EvaluationsWithout.ToString(CultureInfo.InvariantCulture));
        file.AddMetadata("last training loss", Text(Stopping.TrainLoss));
        foreach ((string name, string value) in Facts(job, data, labels))
            file.AddMetadata(name, value);
        file.AddChecksum();
        file.Save(path);
    }

    /// <summary>The parameters alone: the averages, where there are any, else the values.</summary>
    public float[] Parameters(TrainingJob job)
    {
        int stateFloats = job.KeyFloats.State;
        var parameters = new float[checked(job.KeyCount * job.Width)];
        for (int key = 0; key < job.KeyCount; key++)
        {
            ReadOnlySpan<float> state = States.AsSpan(key * stateFloats, stateFloats);
            bool isAveraged = job.AverageFrom > 0 && state[^1] > 0;
            for (int i = 0; i < job.Width; i++)
                parameters[key * job.Width + i] = state[isAveraged ? job.EntryFloats + i : i * job.Stride];
        }
        return parameters;
    }

    // What must be the same for the states to mean the same; what may change, such as rates, workers or the number of epochs, is not among it.
    private static IEnumerable<(string Name, string Value)> Facts(TrainingJob job, Dataset data, LabelMap labels)
    {
        yield return ("model", KindName.Of(job.Model.Kind));
        yield return ("loss", KindName.Of(job.Model.Loss));
        yield return ("labels", labels.Classes.Count > 0 ? string.Join(',', labels.Classes.Select(Text)) : labels.IsBinary ? $"{Text(labels.Negative)},{Text(labels.Positive)}" : "real");
        yield return ("network", job.Model.Network is { } network ? $"{string.Join(',', network.Layers)} {network.ActivationText}{(network.BatchNorm ? " batch-norm" : "")}" : "none");
        yield return ("number of features", job.Features.ToString(CultureInfo.InvariantCulture));
        yield return ("data", string.Create(CultureInfo.InvariantCulture, $"{data.RowCount} rows of {data.SourceBytes} bytes"));
        yield return ("optimizer", job.Rule.Form.Facts.Name);
        yield return ("full gradient", job.SnapshotEvery > 0 ? $"every {Plural.Of(job.SnapshotEvery, "epoch")}" : "none");
        yield return ("average", job.AverageFrom > 0 ? "kept" : "none");
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

    private static double Loss(string path, SafetensorsReader file, string name) =>
        double.TryParse(file.Metadata.GetValueOrDefault(name), NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value
            : throw new ModelFileException(path, $"the metadata has no number \"{name}\".");

    private static StoppingState ReadStopping(string path, SafetensorsReader file) =>
        new(Loss(path, file, "best test loss"), checked((int)Number(path, file, "best epoch")), checked((int)Number(path, file, "evaluations since")), Loss(path, file, "last training loss"));

    private static void Add(SafetensorsWriter file, string name, float[] floats, TrainingJob job) => file.AddTensor(name, TensorType.F32, [job.KeyCount, floats.Length / job.KeyCount], stream =>
    {
        for (int first = 0; first < floats.Length; first += PieceFloats)
            stream.Write(MemoryMarshal.AsBytes(floats.AsSpan(first, Math.Min(PieceFloats, floats.Length - first))));
    });

    private static float[] Read(string path, SafetensorsReader file, string name, TrainingJob job, int keyFloats)
    {
        long expected = checked(job.KeyCount * keyFloats);
        if (!file.Tensors.TryGetValue(name, out TensorEntry? tensor) || tensor.Type != TensorType.F32 || tensor.ElementCount != expected)
            throw new ModelFileException(path, $"the tensor \"{name}\" isn't {job.KeyCount} keys of {keyFloats} floats.");
        var floats = new float[expected];
        for (int first = 0; first < floats.Length; first += PieceFloats)
            file.Read(name, first, floats.AsSpan(first, Math.Min(PieceFloats, floats.Length - first)));
        return floats;
    }
}

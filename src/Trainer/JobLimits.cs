using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer;

/// <summary>Refuses a job whose numbers don't fit: its parameters into memory, or to its data; its learning rates into float32.</summary>
internal static class JobLimits
{
    private const string FoldFeatures = "If so large an index is no mistake, fold the features with --hash-bits";

    // A gigabyte of a model, of which at least 99 of 100 numbers could not be learned, takes minutes to read and write.
    private const long EmptyModelFloatsMax = 1L << 28;
    private const long FeaturesPerNonZeroMax = 100;

    // What a worker of whole ranges holds of each: what it pulled, its replica, what it pushes.
    private const int RangesAWorker = 3;

    /// <param name="job">The job.</param>
    /// <param name="data">Its data.</param>
    /// <param name="threads">Workers in this process, beside its shards; 0: both are other processes.</param>
    /// <param name="withState">Whether the process that leads it reads the optimizer state too.</param>
    /// <param name="memory">Bytes that this process may take.</param>
    /// <exception cref="TrainingException">One sentence that names the number, the bound and what to do.</exception>
    public static void Check(TrainingJob job, Dataset data, int threads, bool withState, long memory)
    {
        // What is read at the end is one array.
        long floats = job.KeyCount * (withState ? job.KeyFloats.State : job.Width);
        long floatsMax = Math.Min(Array.MaxLength, memory / sizeof(float));
        string place = data.Path is null ? "" : $"{data.Path}: ";
        string cure = job.Model.Network is null ? FoldFeatures : "Use fewer features (--hash-bits) or --hidden units";
        if (floats > floatsMax)
        {
            throw new TrainingException($"{place}{job.Features:N0} features make a model of {floats:N0} numbers{(withState ? ", with its optimizer state" : "")}; expected at most {floatsMax:N0}, which fit in memory here. {cure}.");
        }
        if (!job.Sparse)
            CheckRanges(job, floats, threads, memory, place, cure);
        bool areIndices = data.Layout is null && job.Preprocessing.HashBits == 0 && job.Features == data.FeatureCount;
        if (areIndices && floats > EmptyModelFloatsMax && job.Features / FeaturesPerNonZeroMax > data.NonZeroCount)
            throw new TrainingException($"{place}{job.Features:N0} features make a model of {floats:N0} numbers, but the data has only {Plural.Of(data.NonZeroCount, "non-zero")} to learn them from. {FoldFeatures}.");
        // A push carries the sum of its steps' rates.
        double rates = job.Rule.Schedule.InitialRate * Math.Max(1, job.LocalSteps);
        if (!float.IsFinite((float)rates))
            throw new TrainingException($"--learning-rate {job.Rule.Schedule.InitialRate:G4} is beyond float32 when {job.LocalSteps:N0} steps are added up; expected less than {float.MaxValue / Math.Max(1, job.LocalSteps):G4}.");
    }

    // Where whole ranges are exchanged, no key stays untouched.
    private static void CheckRanges(TrainingJob job, long floatsRead, int threads, long memory, string place, string cure)
    {
        string other = job.Model.Network is null ? $"; --exchange sparse takes the keys of the rows only. {cure}." : $". {cure}.";
        long range = job.KeyCount * job.KeyFloats.Entry;
        if (range > Array.MaxLength)
            throw new TrainingException($"{place}{job.Features:N0} features are exchanged as ranges of {range:N0} numbers; expected at most {Array.MaxLength:N0}{other}");
        long held = floatsRead + (threads == 0 ? 0 : job.KeyCount * job.KeyFloats.State + range * RangesAWorker * threads);
        if (held > memory / sizeof(float))
            throw new TrainingException($"{place}{job.Features:N0} features, exchanged as whole ranges by {Plural.Of(threads, "thread")}, take {held:N0} numbers; expected at most {memory / sizeof(float):N0}, which fit in memory here. Use fewer --threads{other}");
    }
}

using DistSgd.Learning.Data;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer;

/// <summary>Refuses a job whose numbers don't fit: its parameters into memory, its learning rates into float32.</summary>
internal static class JobLimits
{
    /// <param name="job">The job.</param>
    /// <param name="data">Its data.</param>
    /// <param name="withState">Whether the process that leads it reads the optimizer state too.</param>
    /// <param name="memory">Bytes that this process may take.</param>
    /// <exception cref="TrainingException">One sentence that names the number, the bound and what to do.</exception>
    public static void Check(TrainingJob job, Dataset data, bool withState, long memory)
    {
        // What is read at the end is one array.
        long floats = job.KeyCount * (withState ? job.EntryFloats : job.Width);
        long floatsMax = Math.Min(Array.MaxLength, memory / sizeof(float));
        if (floats > floatsMax)
        {
            string cure = job.Model.Network is null ? "If so large an index is no mistake, fold the features with --hash-bits" : "Use fewer features (--hash-bits) or --hidden units";
            throw new TrainingException($"{(data.Path is null ? "" : $"{data.Path}: ")}{job.Features:N0} features make a model of {floats:N0} numbers{(withState ? ", with its optimizer state" : "")}; expected at most {floatsMax:N0}, which fit in memory here. {cure}.");
        }
        // A push carries the sum of its steps' rates.
        double rates = job.Rule.Schedule.InitialRate * Math.Max(1, job.LocalSteps);
        if (!float.IsFinite((float)rates))
            throw new TrainingException($"--learning-rate {job.Rule.Schedule.InitialRate:G4} is beyond float32 when {job.LocalSteps:N0} steps are added up; expected less than {float.MaxValue / Math.Max(1, job.LocalSteps):G4}.");
    }
}

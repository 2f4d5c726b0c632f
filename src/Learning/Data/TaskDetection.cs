namespace DistSgd.Learning.Data;

/// <summary>What kind of target a data set has.</summary>
public enum LearningTask
{
    /// <summary>Two classes.</summary>
    Classification,

    /// <summary>Real targets.</summary>
    Regression,
}

/// <summary>Chooses the task from the labels, for runs that name no model.</summary>
public static class TaskDetection
{
    /// <summary>Whole-numbered labels with up to so many distinct values look like classes, not like real targets.</summary>
    public const int ClassesMax = 100;

    /// <summary>Two distinct labels: classification. Real numbers, or very many whole ones: regression.</summary>
    /// <exception cref="LabelException">There is one label only; or a few whole-numbered ones, which may be classes: the message says how to choose.</exception>
    public static LearningTask Detect(LabelSummary labels)
    {
        if (labels.Distinct is not { } distinct) return LearningTask.Regression;
        if (distinct.Count == 2) return LearningTask.Classification;
        if (distinct.Count < 2)
        {
            string found = distinct.Count == 0 ? "there is no row" : $"every row has the label {distinct[0].Label}";
            throw new LabelException($"There is nothing to learn: {found}. Expected two distinct labels (classes) or real targets.");
        }
        bool looksLikeClasses = distinct.Count <= ClassesMax && distinct.All(d => d.Label == MathF.Round(d.Label));
        if (!looksLikeClasses) return LearningTask.Regression;
        throw new LabelException(
            $"There are {distinct.Count} distinct whole-numbered labels ({labels}): these look like classes, and more than two classes are not available yet. "
            + "Map the labels to two; or, if they are real targets, say so with --model linear.");
    }
}

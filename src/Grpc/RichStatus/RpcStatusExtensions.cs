using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Google.Rpc
{
    /// <summary>The parts that go with the generated message.</summary>
    public sealed partial class Status
    {
        /// <summary>The first detail of this type, or null.</summary>
        /// <exception cref="InvalidProtocolBufferException">A detail of this type can't be parsed.</exception>
        public T? GetDetail<T>()
            where T : class, IMessage<T>, new()
        {
            var expected = new T().Descriptor.FullName;
            return Details.FirstOrDefault(detail => Any.GetTypeName(detail.TypeUrl) == expected)?.Unpack<T>();
        }
    }
}

namespace Grpc.Core
{
    /// <summary>Makes exceptions of rich errors.</summary>
    public static class RpcStatusExtensions
    {
        /// <summary>An exception that ends a service's call with this error; its code and message become the call's status.</summary>
        public static RpcException ToRpcException(this Google.Rpc.Status status)
        {
            ArgumentNullException.ThrowIfNull(status);
            return status.ToRpcException((StatusCode)status.Code, status.Message);
        }

        /// <summary>An exception with a code and message of its own.</summary>
        public static RpcException ToRpcException(this Google.Rpc.Status status, StatusCode statusCode, string message)
        {
            ArgumentNullException.ThrowIfNull(status);
            var trailers = new Metadata();
            trailers.SetRpcStatus(status);
            return new RpcException(new Status(statusCode, message), trailers);
        }
    }

    /// <summary>Reads rich errors from exceptions.</summary>
    public static class RpcExceptionExtensions
    {
        /// <summary>The rich error that the server sent, or null.</summary>
        /// <exception cref="InvalidProtocolBufferException">It can't be parsed, and that isn't to be ignored.</exception>
        public static Google.Rpc.Status? GetRpcStatus(this RpcException ex, bool ignoreParseError = false)
        {
            ArgumentNullException.ThrowIfNull(ex);
            return ex.Trailers.GetRpcStatus(ignoreParseError);
        }
    }

    /// <summary>Puts rich errors into trailers and reads them.</summary>
    public static class MetadataExtensions
    {
        /// <summary>The trailer that carries a rich error.</summary>
        public const string StatusDetailsTrailerName = "grpc-status-details-bin";

        /// <summary>The rich error in these trailers, or null.</summary>
        /// <exception cref="InvalidProtocolBufferException">It can't be parsed, and that isn't to be ignored.</exception>
        public static Google.Rpc.Status? GetRpcStatus(this Metadata metadata, bool ignoreParseError = false)
        {
            ArgumentNullException.ThrowIfNull(metadata);
            if (metadata.GetValueBytes(StatusDetailsTrailerName) is not { } bytes)
                return null;
            try
            {
                return Google.Rpc.Status.Parser.ParseFrom(bytes);
            }
            catch (InvalidProtocolBufferException) when (ignoreParseError)
            {
                return null;
            }
        }

        /// <summary>Puts a rich error into trailers, in place of one that is there.</summary>
        public static void SetRpcStatus(this Metadata metadata, Google.Rpc.Status status)
        {
            ArgumentNullException.ThrowIfNull(metadata);
            ArgumentNullException.ThrowIfNull(status);
            while (metadata.Get(StatusDetailsTrailerName) is { } old)
                metadata.Remove(old);
            metadata.Add(StatusDetailsTrailerName, status.ToByteArray());
        }
    }

    /// <summary>Makes details of exceptions.</summary>
    public static class ExceptionExtensions
    {
        /// <summary>An exception's type, message and stack for a developer who may see them, with those of so many inner exceptions.</summary>
        public static Google.Rpc.DebugInfo ToRpcDebugInfo(this Exception exception, int innerDepth = 0)
        {
            ArgumentNullException.ThrowIfNull(exception);
            var info = new Google.Rpc.DebugInfo { Detail = $"{exception.GetType()}: {exception.Message}" };
            for (Exception? current = exception; current is not null && innerDepth >= 0; current = current.InnerException, innerDepth--)
            {
                if (!ReferenceEquals(current, exception))
                    info.StackEntries.Add($"caused by {current.GetType()}: {current.Message}");
                info.StackEntries.AddRange(current.StackTrace?.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? []);
            }
            return info;
        }
    }
}
